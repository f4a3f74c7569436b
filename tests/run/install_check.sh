#!/bin/sh
# Installs into an empty place, runs what was installed, uninstalls, and looks for what was left behind.
set -eu
make=${1:-make}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

$make --no-print-directory install DESTDIR="$place" PREFIX=/usr
count=$(find "$place" -type f | wc -l)
for program in gpuletd gpulet; do
    [ -x "$place/usr/bin/$program" ] || { echo "install: $program is missing" >&2; exit 1; }
    "$place/usr/bin/$program" --help >/dev/null || {
        echo "install: $program --help failed" >&2
        exit 1
    }
done
for program in bin/gpuletd bin/gpulet libexec/gpulet/gpulet-job; do
    [ -x "$place/usr/$program" ] || { echo "install: $program is missing" >&2; exit 1; }
    for mark in 'DYN (Position-Independent' 'GNU_RELRO' 'BIND_NOW' '__stack_chk_fail'; do
        readelf -hldsW "$place/usr/$program" | grep -q -F "$mark" || {
            echo "install: $program was built without hardening: no $mark" >&2
            exit 1
        }
    done
done
if find "$place" -type f -perm /022 | grep . >&2; then
    echo 'install: others may write to these files' >&2
    exit 1
fi

# A file of somebody else's beside ours must stay.
touch "$place/usr/bin/bystander"
$make --no-print-directory uninstall DESTDIR="$place" PREFIX=/usr
rm "$place/usr/bin/bystander"
left=$(find "$place" -not -type d)
if [ -n "$left" ] || [ -d "$place/usr/share/doc/gpulet" ]; then
    echo "uninstall: left behind: $left" >&2
    exit 1
fi
echo "install: $count files installed, none left behind"
