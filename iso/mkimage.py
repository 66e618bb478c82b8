#!/usr/bin/env python3
"""Makes the bootable image of a system: the modules that lie beside its manifest, the bundle, the ISO.

Expects a finished build. Leaves NAME.iso and NAME.bundle in the build folder's images/; prints the image's path.
"""
import argparse
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
MKBUNDLE = HERE.parent / "athanor" / "bundle" / "mkbundle.py"


class ImageError(Exception):
    """Says what went wrong; the tool that failed has already printed its own message."""


def run(*command):
    done = subprocess.run([str(word) for word in command], check=False)
    if done.returncode:
        raise ImageError(f"{Path(str(command[0])).name} failed")


def run_quiet(*command):
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise ImageError(f"{' '.join(str(word) for word in command)} failed")


def build_modules(manifest, build):
    """Builds the modules beside the manifest, if it has any. The folder where they are then; each source folder has its own."""
    source = zlib.crc32(str(manifest.parent).encode())
    folder = build / "modules-of" / f"{manifest.parent.name}-{source:08x}"
    if (manifest.parent / "CMakeLists.txt").is_file():
        run_quiet("cmake", "-S", manifest.parent, "-B", folder, "-G", "Ninja")
        run_quiet("cmake", "--build", folder)
    return folder


def make_bundle(manifest, build, bundle):
    modules = build_modules(manifest, build)
    bundle.parent.mkdir(parents=True, exist_ok=True)
    run(sys.executable, MKBUNDLE, manifest, "-o", bundle, "--search", modules, "--search", build / "kernel" / "modules")


def make_image(manifest, build, iso):
    bundle = build / "images" / f"{manifest.stem}.bundle"
    make_bundle(manifest, build, bundle)
    run("sh", HERE / "mkiso.sh", build / "athanor.elf", bundle, iso)
    return iso, bundle


def main():
    parser = argparse.ArgumentParser(prog="azoth image", description="Make the bootable image of a system.")
    parser.add_argument("--build", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("manifest", metavar="SYSTEM.toml", type=Path)
    parser.add_argument("-o", dest="output", metavar="FILE.iso", type=Path)
    args = parser.parse_args()
    try:
        if not args.manifest.is_file():
            raise ImageError(f"{args.manifest}: no such file")
        manifest = args.manifest.resolve()
        iso, _ = make_image(manifest, args.build, args.build / "images" / f"{manifest.stem}.iso")
        if args.output:
            shutil.copyfile(iso, args.output)
            iso = args.output
    except ImageError as error:
        print(f"azoth image: {error}", file=sys.stderr)
        return 1
    print(iso)
    return 0


if __name__ == "__main__":
    sys.exit(main())
