#!/bin/sh
# usage: mkiso.sh ATHANOR.ELF SYSTEM.BUNDLE OUT.ISO
# A bootable image for BIOS and UEFI: GRUB with no more modules than it needs, the kernel, the bundle.
set -eu
[ $# = 3 ] || { sed -n 2,3p "$0" >&2; exit 2; }
kernel=$1 bundle=$2 out=$3

# GRUB says nothing useful about a kernel that it cannot start: find out here.
grub-file --is-x86-multiboot2 "$kernel" || { echo "$kernel: no Multiboot2 header" >&2; exit 1; }

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/root/boot/grub"
cp "$(dirname "$0")/grub.cfg" "$tree/root/boot/grub/grub.cfg"
strip --strip-all -o "$tree/root/boot/athanor.elf" "$kernel" # it has its own table of names for traces
cp "$bundle" "$tree/root/boot/system.bundle"

# The part_ modules and `test` are what mkrescue's own start-up script asks for.
modules="multiboot2 normal iso9660 all_video smbios regexp test part_acorn part_amiga part_apple part_bsd part_dfly part_dvh part_gpt
    part_msdos part_plan part_sun part_sunpc"
grub-mkrescue -o "$tree/image.iso" --compress=xz \
    --install-modules="$modules" --locales= --fonts= --themes= \
    "$tree/root" >"$tree/log" 2>&1 || { cat "$tree/log" >&2; exit 1; }
mv "$tree/image.iso" "$out"
