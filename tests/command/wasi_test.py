#!/usr/bin/env python3
"""WASI from a program's side: what it is given, what it can do below a directory, and that nothing lets it out."""
import os
import tempfile
import time
import unittest
from pathlib import Path

from harness import CommandTest, alkahest

PROBE = os.environ["WASI_PROBE"]
# preview1's error numbers
EBADF, EFAULT, EINVAL, ELOOP, ENOENT, ENOTDIR, ENOTSOCK, ENOTCAPABLE, EILSEQ = 8, 21, 28, 32, 44, 54, 57, 76, 25


class ProbeTest(CommandTest):
    """Each test has a folder `root`, which the program gets as `/`, and a secret beside it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.outside = Path(folder.name)
        self.root = self.outside / "root"
        self.root.mkdir()
        (self.outside / "secret").write_text("secret\n", encoding="utf-8")
        (self.root / "file").write_text("inside\n", encoding="utf-8")
        (self.root / "sub").mkdir()
        (self.root / "sub" / "deep").write_text("deep\n", encoding="utf-8")

    def probe(self, *words, options=(), **others):
        return alkahest("run", f"--dir={self.root}::/", *options, PROBE, *words, **others)

    def out(self, *words, **others):
        done = self.probe(*words, **others)
        self.assertEqual(done.err, "")
        return done.out

    def secret_is_whole(self):
        self.assertEqual((self.outside / "secret").read_text(encoding="utf-8"), "secret\n")
        self.assertEqual(sorted(os.listdir(self.outside)), ["root", "secret"])


class Surroundings(ProbeTest):
    def test_arguments(self):
        self.assertEqual(self.out("args", "a b", "--invoke", "", "é"), "[a b]\n[--invoke]\n[]\n[é]\n")

    def test_options_behind_the_program_are_its_own(self):
        for word in ("-d", "--memory=wrap", "--help", "-V", "--", "--dir"):
            done = alkahest("run", PROBE, word)
            self.check(done, 2, out="", err="usage: wasi_probe")
        done = alkahest("run", PROBE, "args", "--", "x", "--")
        self.check(done, 0, out="[--]\n[x]\n[--]\n")
        done = alkahest("run", "--", PROBE, "--invoke")
        self.check(done, 2, out="", err="usage: wasi_probe")

    def test_the_environment_is_empty_but_for_what_is_named(self):
        self.assertEqual(self.out("env", env={"SECRET": "x"}), "")
        out = self.out("env", options=("--env=A=1", "--env=HOSTS", "--env=ABSENT"), env={"HOSTS": "2"})
        self.assertEqual(out, "[A=1]\n[HOSTS=2]\n")

    def test_clocks(self):
        seconds, forward, resolution = self.out("clock").split()
        self.assertLess(abs(int(seconds) - time.time()), 10)
        self.assertEqual((forward, resolution), ("1", "1"))

    def test_sleeping(self):
        begin = time.monotonic()
        self.assertEqual(self.out("sleep", "300"), "ok\n")
        self.assertGreater(time.monotonic() - begin, 0.29)

    def test_random_bytes_differ(self):
        one, two = self.out("random"), self.out("random")
        self.assertEqual(len(one), 65)
        self.assertNotEqual(one, two)

    def test_exit_codes(self):
        for code, expected in ((0, 0), (1, 1), (42, 42), (255, 255), (256, 0)):
            done = self.probe("exit", code)
            self.check(done, expected, out="leaving\n")

    def test_a_trap_keeps_the_output_before_it(self):
        done = self.probe("trap")
        self.check(done, 134, out="about to trap\n", err="trap[ALKA_600]: unreachable")
        self.assertIn("do_trap", done.err)
        self.assertIn("main", done.err)

    def test_streams(self):
        done = self.probe("lines", stdin="one\ntwo\nthree")
        self.check(done, 0, out="3 lines, no terminal\n", err="counted\n")

    def test_polling(self):
        # What is to be read is there before the program starts: it does not wait, since it can write.
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.write(writer, b"x")
        os.close(writer)
        self.assertEqual(self.out("poll", stdin=reader), "2 1 1\n")

    def test_without_a_directory_there_is_no_file(self):
        done = alkahest("run", PROBE, "cat", "/etc/passwd")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("root", done.out)
        done = alkahest("run", PROBE, "raw-open", "3", "etc")
        self.assertEqual(done.out, f"{EBADF}\n")

    def test_a_missing_directory_is_said(self):
        self.check(alkahest("run", "--dir=/nonexistent", PROBE, "args"), 1, out="", err="/nonexistent")


class Files(ProbeTest):
    def test_reading_and_writing(self):
        self.assertEqual(self.out("cat", "/file"), "inside\n")
        self.assertEqual(self.out("write", "/new", "hello"), "ok\n")
        self.assertEqual(self.out("append", "/new", " world"), "ok\n")
        self.assertEqual((self.root / "new").read_text(encoding="utf-8"), "hello world")
        self.assertIn("File exists", self.out("exclusive", "/new"))
        self.assertIn("No such file", self.out("cat", "/absent"))

    def test_positions(self):
        self.assertEqual(self.out("seek", "/digits"), "2345xyz\nAB2345xy")

    def test_directories(self):
        self.assertEqual(self.out("mkdir", "/made"), "ok\n")
        self.assertIn("File exists", self.out("mkdir", "/made"))
        names = set(self.out("ls", "/").splitlines())
        self.assertEqual(names, {". 3", ".. 3", "file 4", "made 3", "sub 3"})
        self.assertEqual(self.out("rmdir", "/made"), "ok\n")
        self.assertIn("not empty", self.out("rmdir", "/sub"))
        self.assertIn("Not a directory", self.out("ls", "/file"))

    def test_a_directory_of_many_entries(self):
        for i in range(500):
            (self.root / "sub" / f"entry-with-a-rather-long-name-{i:04}").touch()
        lines = self.out("ls", "/sub").splitlines()
        self.assertEqual(len(lines), 503)
        self.assertEqual(len(set(lines)), 503)

    def test_names(self):
        self.assertEqual(self.out("mv", "/file", "/sub/moved"), "ok\n")
        self.assertEqual(self.out("ln", "/sub/moved", "/again"), "ok\n")
        self.assertEqual(self.out("cat", "/again"), "inside\n")
        self.assertEqual(self.out("rm", "/again"), "ok\n")
        self.assertIn("No such file", self.out("rm", "/again"))
        self.assertEqual(sorted(os.listdir(self.root / "sub")), ["deep", "moved"])

    def test_links_that_stay_inside(self):
        self.assertEqual(self.out("symlink", "../file", "/sub/link"), "ok\n")
        self.assertEqual(self.out("cat", "/sub/link"), "inside\n")
        self.assertEqual(self.out("readlink", "/sub/link"), "../file\n")
        (self.root / "dirlink").symlink_to("sub")
        self.assertEqual(self.out("cat", "/dirlink/../file"), "inside\n")
        self.assertEqual(self.out("cat", "/dirlink/deep"), "deep\n")
        self.assertEqual(self.out("rm", "/dirlink"), "ok\n")
        self.assertTrue((self.root / "sub" / "deep").exists())

    def test_status_and_times(self):
        self.assertEqual(self.out("touch", "/file", "123456"), "ok\n")
        self.assertEqual(self.out("stat", "/file"), "file 7 123456\n")
        self.assertEqual((self.root / "file").stat().st_atime, 1000)
        self.assertTrue(self.out("stat", "/sub").startswith("directory "))

    def test_two_directories_under_other_names(self):
        done = alkahest("run", f"--dir={self.root}::/a", f"--dir={self.root / 'sub'}::/b", PROBE, "cat", "/b/deep")
        self.check(done, 0, out="deep\n")


class Escapes(ProbeTest):
    def raw_open(self, path):
        out = self.out("raw-open", "3", path)
        self.secret_is_whole()
        return int(out)

    def test_paths_that_lead_out(self):
        for path in ("..", "../secret", "sub/../../secret", "./../secret", "sub/../..", "../root/file",
                     "sub/../sub/../../secret", "//../secret", "/etc/passwd", "/", str(self.outside / "secret")):
            self.assertEqual(self.raw_open(path), ENOTCAPABLE, path)

    def test_paths_that_stay_in(self):
        for path in ("file", "./file", "sub/../file", "sub//deep", "sub/./../file", "sub/../sub/deep", "."):
            self.assertEqual(self.raw_open(path), 0, path)

    def test_links_that_lead_out(self):
        (self.root / "absolute").symlink_to(self.outside / "secret")
        (self.root / "relative").symlink_to("../secret")
        (self.root / "folder").symlink_to("..")
        (self.root / "sub" / "up").symlink_to("../..")
        (self.root / "chain").symlink_to("sub/up")
        (self.root / "process").symlink_to("/proc/self/root")
        for path in ("absolute", "relative", "folder/secret", "sub/up/secret", "chain/secret", "chain/root/file",
                     "process/etc/passwd", "folder", "chain/.."):
            self.assertEqual(self.raw_open(path), ENOTCAPABLE, path)

    def test_links_that_lead_nowhere(self):
        (self.root / "loop").symlink_to("loop")
        (self.root / "one").symlink_to("two/x")
        (self.root / "two").symlink_to("one/x")
        self.assertEqual(self.raw_open("loop"), ELOOP)
        self.assertEqual(self.raw_open("one"), ELOOP)
        (self.root / "dangling").symlink_to("absent")
        self.assertEqual(self.raw_open("dangling"), ENOENT)

    def test_other_calls_do_not_lead_out(self):
        (self.root / "out").symlink_to("..")
        self.assertEqual(self.out("raw-symlink", "/etc/passwd", "link"), f"{ENOTCAPABLE}\n")
        self.assertEqual(self.out("raw-symlink", "x", "../link"), f"{ENOTCAPABLE}\n")
        for path in ("../secret", "out/secret", "sub/../../secret"):
            self.assertEqual(self.out("raw-rename", path, "mine"), f"{ENOTCAPABLE}\n")
            self.assertEqual(self.out("raw-rename", "file", path), f"{ENOTCAPABLE}\n")
            self.assertEqual(self.out("raw-unlink", path), f"{ENOTCAPABLE}\n")
            self.assertEqual(self.out("raw-mkdir", path + "2"), f"{ENOTCAPABLE}\n")
        self.secret_is_whole()
        self.assertTrue((self.root / "file").exists())

    def test_files_are_no_directories(self):
        self.assertEqual(self.raw_open("file/x"), ENOTDIR)
        self.assertEqual(self.raw_open("file/.."), ENOTDIR)
        self.assertEqual(self.raw_open("file/"), ENOTDIR)

    def test_long_paths(self):
        self.assertEqual(self.raw_open("sub/../" * 500 + "file"), 0)
        self.assertNotEqual(self.raw_open("sub/../" * 700 + "file"), 0)
        self.assertNotEqual(self.raw_open("x" * 300), 0)


class Hostility(ProbeTest):
    def test_pointers(self):
        self.assertEqual(self.out("raw-pointers"), "".join(f"{line}\n" for line in (
            f"write outside {EFAULT}", f"write around {EFAULT}", "write nothing at the end 0",
            f"list outside {EFAULT}", f"list around {EFAULT}", f"result outside {EFAULT}",
            f"random outside {EFAULT}", f"status outside {EFAULT}", f"arguments outside {EFAULT}",
            f"poll outside {EFAULT}", f"poll many {EINVAL}")))

    def test_descriptors(self):
        self.assertEqual(self.out("raw-descriptors"), "".join(f"{line}\n" for line in (
            f"closed {EBADF}", f"huge {EBADF}", f"directory {ENOTCAPABLE}", f"seek directory {ENOTCAPABLE}",
            f"not preopened {EBADF}", f"more rights {ENOTCAPABLE}", "fewer rights 0",
            f"write without the right {ENOTCAPABLE}", f"clock 99 {EINVAL}", f"renumber {EBADF}",
            f"socket {ENOTSOCK}", "status 0 3")))

    def test_rights_only_shrink(self):
        self.assertEqual(self.out("raw-rights", "file"), "".join(f"{line}\n" for line in (
            "drop 0", "read 0", f"write {ENOTCAPABLE}", f"create {ENOTCAPABLE}", f"unlink {ENOTCAPABLE}",
            f"regain {ENOTCAPABLE}")))


if __name__ == "__main__":
    unittest.main()
