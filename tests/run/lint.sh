#!/bin/sh
# Layout, shell syntax and static analysis; a tool that is not installed is named and left out.
set -u
failed=0
sources=$(find protocol crypto storage node cli tests -name '*.[ch]' | sort)

if command -v clang-format >/dev/null 2>&1; then
    for file in $sources; do
        clang-format "$file" | cmp -s - "$file" || {
            echo "$file:1: run \`make format\`" >&2
            failed=1
        }
    done
else
    echo 'lint: no clang-format (make deps-ci): layout is not checked'
fi

for script in $(find tests .ci -name '*.sh') .ci/run; do
    case $(head -n 1 "$script") in
    *bash*) bash -n "$script" || failed=1 ;;
    *) sh -n "$script" || failed=1 ;;
    esac
done

if command -v cppcheck >/dev/null 2>&1; then
    # shellcheck disable=SC2046
    cppcheck -q -j 2 -I . -D_GNU_SOURCE --std=c11 --enable=portability --inline-suppr \
        --suppress=missingIncludeSystem --error-exitcode=1 \
        $(printf '%s\n' "$sources" | grep '\.c$' | grep -v '^tests/') || failed=1
else
    echo 'lint: no cppcheck (make deps-ci): no static analysis'
fi
[ "$failed" -eq 0 ] || { echo 'lint: failed' >&2; exit 1; }
echo 'lint: passed'
