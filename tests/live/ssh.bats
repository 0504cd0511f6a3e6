#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

load live

setup() {
    need ssh-add
    cd "$DIR"
    ssh-keygen -q -t ed25519 -N '' -f key
    ssh-keygen -q -t ed25519 -N 'open it' -f locked
    chmod 644 key.pub locked.pub
    eval "$(ssh-agent -a "$DIR/agent" 3>&- 4>&-)" >/dev/null
    started=$SSH_AGENT_PID
}

teardown() {
    # shellcheck disable=SC2086
    kill $started 2>/dev/null || true
    rm -f "$DIR"/key* "$DIR"/locked* "$DIR/agent"
}

@test "ssh-add takes a key from a sealed descriptor" {
    run -0 alone "$SEALMEM" run --secret key=key -- ssh-add {key}
    [ "$(ssh-add -L | cut -d' ' -f2)" = "$(cut -d' ' -f2 key.pub)" ]
}

@test "ssh-add refuses a key that others may read, which is why the mode is 400" {
    run -1 alone "$SEALMEM" run --mode 444 --secret key=key -- ssh-add {key}
    [[ $output == *"UNPROTECTED PRIVATE KEY FILE"* ]]
}

@test "ssh-keygen reads the key twice" {
    run -0 alone "$SEALMEM" run --secret key=key -- sh -c 'ssh-keygen -y -f "$0" && ssh-keygen -lf "$0"' {key}
    [[ ${lines[0]} == "$(cut -d' ' -f1,2 key.pub)"* ]]
}

# What asks for the passphrase is a child of ssh-add, and looks at what ssh-add holds.
@test "ssh-add holds a sealed descriptor while it runs" {
    cat >askpass <<END
#!/bin/bash
source "$BATS_TEST_DIRNAME/../cli/started.bash"
assert_sealed "/proc/\$PPID/fd/10" && echo sealed >"$DIR/answer" || echo unsealed >"$DIR/answer"
echo 'open it'
END
    chmod +x askpass
    DISPLAY=:none SSH_ASKPASS=$DIR/askpass SSH_ASKPASS_REQUIRE=force run -0 alone "$SEALMEM" run \
        --secret key=locked -- ssh-add {key}
    [ "$(cat answer)" = sealed ]
    [ "$(ssh-add -L | cut -d' ' -f2)" = "$(cut -d' ' -f2 locked.pub)" ]
}

@test "a session is opened with the key that was added from a sealed descriptor" {
    need sshd
    am_root || skip "needs root"
    port=$(free_port)
    [ -d /run/sshd ] || { mkdir -m 755 /run/sshd; made=yes; }
    ssh-keygen -q -t ed25519 -N '' -f key-of-host
    cp key.pub authorized
    chmod 600 authorized
    printf '%s\n' "Port $port" "ListenAddress 127.0.0.1" "HostKey $DIR/key-of-host" "PidFile none" \
        "AuthorizedKeysFile $DIR/authorized" "StrictModes no" "UsePAM no" "PermitRootLogin yes" \
        "PasswordAuthentication no" "KbdInteractiveAuthentication no" >sshd.conf
    /usr/sbin/sshd -D -e -f "$DIR/sshd.conf" 2>sshd.log 3>&- 4>&- &
    server=$!
    started="$started $server"
    wait_until listens "$port"
    session=(ssh -F none -p "$port" -o BatchMode=yes -o StrictHostKeyChecking=no -o IdentityFile=none
        -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR 127.0.0.1 echo opened)
    run -255 timeout 20 "${session[@]}"
    run -0 alone "$SEALMEM" run --secret key=key -- ssh-add {key}
    run -0 timeout 20 "${session[@]}"
    kill "$server"
    [ -z "$made" ] || rmdir /run/sshd
    [ "$output" = opened ]
}
