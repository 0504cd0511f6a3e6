#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

load live

setup() {
    install -m 755 "$LISTEN" "$DIR/listen"
    cd "$DIR"
    echo one >one
    printf '' >two
    chmod 644 one two
}

@test "a program finds sealed secrets by sd_listen_fds_with_names" {
    run -0 alone "$SEALMEM" run --allow-empty --listen-fds --secret first=one --secret second=two -- ./listen
    [ "$output" = "3 first sealed 4 one"$'\n'"4 second sealed 0 " ]
    run -0 alone "${PLAIN[@]}" "$SEALMEM" run --allow-empty --listen-fds --secret first=one --secret second=two -- ./listen
    [ "$output" = "3 first sealed 4 one"$'\n'"4 second sealed 0 " ]
}

@test "the program tells what is not sealed" {
    run -0 alone sh -c 'exec 3<one; LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=first exec ./listen'
    [ "$output" = "3 first unsealed 4 one" ]
}

@test "a child of the program is told nothing, as its process number is another" {
    run -0 alone "$SEALMEM" run --listen-fds --secret first=one -- sh -c './listen; :'
    [ -z "$output" ]
}
