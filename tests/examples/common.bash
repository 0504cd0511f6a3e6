# SPDX-License-Identifier: MIT
#
# shellcheck disable=SC2034,SC2154
#
# What the tests of the examples share. Everything runs in a directory that any user may enter, because
# some of it runs as nobody, from a copy of the program: a build directory may be somebody's own.

bats_require_minimum_version 1.5.0

# The build's test runner has malloc() scribble over what is freed; users do not, and the search for
# left-over keys must not profit from it.
unset MALLOC_PERTURB_

make_directory() {
    DIR=$(mktemp -d)
    chmod 755 "$DIR"
    cp "$PROGRAM" "$LIBRARY" "$DIR/"
    ln -s "$(basename "$LIBRARY")" "$DIR/libsealmem.so.0"
    RUN=$DIR/$(basename "$PROGRAM")
    export DIR RUN LD_LIBRARY_PATH=$DIR
    cd "$DIR" || exit
}

remove_directory() {
    rm -rf "$DIR"
}

# A plain user is as good as nobody.
NOBODY=()
if [ "$(id -u)" -eq 0 ]; then
    NOBODY=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi

# with_limit OPTION VALUE COMMAND...: see `help ulimit`.
with_limit() {
    bash -c 'ulimit "$1" "$2" && shift 2 && exec "$@"' - "$@"
}

# The one line on standard error is this.
complained() {
    [ "$stderr" = "$1" ] || {
        printf 'expected: %s\n' "$1"
        printf 'got:      %s\n' "$stderr"
        return 1
    }
}
