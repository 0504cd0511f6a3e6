# SPDX-License-Identifier: MIT
# shellcheck shell=bash

# bats has more descriptors open. A program that is started here has three.
alone() {
    local close=() fd

    for fd in /proc/"$BASHPID"/fd/*; do
        fd=${fd##*/}
        [ "$fd" -lt 3 ] || close+=("$fd")
    done
    (
        for fd in "${close[@]}"; do eval "exec $fd>&-"; done
        exec "$@"
    )
}
