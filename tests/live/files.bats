#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

load live

# Programs with the regular files of --files, which some need because they do not take a link to a descriptor.

setup() {
    cd "$DIR"
    PLACE=$DIR/files-$BATS_TEST_NUMBER
    mkdir -p "$PLACE"
    chmod 755 "$DIR" "$PLACE"
    KEY=x "${PLAIN[@]}" "$SEALMEM" run --files="$PLACE" --secret key=env:KEY -- true 2>/dev/null ||
        skip "no user namespaces here"
}

with_config() {
    CONFIG='{"port":443}' "${PLAIN[@]}" "$SEALMEM" run "$@"
}

@test "node requires a JSON file, which it does not with a link to a descriptor" {
    run -0 with_config --files="$PLACE" --secret config.json=env:CONFIG -- \
        node -p 'require(process.env.CREDENTIALS_DIRECTORY + "/config.json").port'
    [ "$output" = 443 ]
    run ! with_config --secret config.json=env:CONFIG -- \
        node -p 'require(process.env.CREDENTIALS_DIRECTORY + "/config.json").port'
}

@test "a program with O_NOFOLLOW opens a file, and no link" {
    OPEN='import os; os.read(os.open(os.environ["CREDENTIALS_DIRECTORY"] + "/key", os.O_RDONLY | os.O_NOFOLLOW), 9)'
    run -0 with_config --files="$PLACE" --secret key=env:CONFIG -- python3 -c "$OPEN"
    run -1 with_config --secret key=env:CONFIG -- python3 -c "$OPEN"
    [[ $output == *"Too many levels of symbolic links"* ]]
}

# What is in $DIR of a key and its certificate, for a server that is called localhost.
make_certificate() {
    need openssl
    KEY=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -keyout - -out "$DIR/cert.pem" 2>/dev/null)
    export KEY
    chmod 644 "$DIR/cert.pem"
}

# serves_with_key PORT: only the owner of the key can.
serves_with_key() {
    openssl s_client -connect "127.0.0.1:$1" -CAfile "$DIR/cert.pem" -verify_return_error </dev/null
}

@test "php opens a key as a file, which it does not with a link to a descriptor" {
    need php
    make_certificate
    READ='exit(openssl_pkey_get_private("file://" . getenv("CREDENTIALS_DIRECTORY") . "/key.pem") === false ? 1 : 0);'
    run -0 "${PLAIN[@]}" "$SEALMEM" run --files="$PLACE" --secret key.pem=env:KEY -- php -r "$READ"
    run -1 "${PLAIN[@]}" "$SEALMEM" run --secret key.pem=env:KEY -- php -r "$READ"
}

@test "rsync reads its password file, and its daemon the secrets file" {
    need rsync
    port=$(free_port)
    mkdir -p module copy "$PLACE/client" "$PLACE/daemon"
    chmod 777 copy
    echo data >module/file
    printf '%s\n' "port=$port" address=127.0.0.1 'use chroot=no' '[module]' "path=$DIR/module" 'auth users=joe' \
        "secrets file=$PLACE/daemon/secrets" >rsyncd.conf
    SECRETS=$'joe:word\n' "${PLAIN[@]}" "$SEALMEM" run --files="$PLACE/daemon" --secret secrets=env:SECRETS -- \
        rsync --daemon --no-detach --config=rsyncd.conf 3>&- &
    started=$!
    wait_until listens "$port"
    WORD=word run -0 "${PLAIN[@]}" "$SEALMEM" run --files="$PLACE/client" --secret word=env:WORD -- \
        rsync --password-file={word} "rsync://joe@127.0.0.1:$port/module/file" copy/
    [ "$(cat copy/file)" = data ]
    WORD=word run -1 "${PLAIN[@]}" "$SEALMEM" run --secret word=env:WORD -- \
        rsync --password-file={word} "rsync://joe@127.0.0.1:$port/module/file" copy/
    [[ $output == *"could not open password file"* ]]
}

@test "mosquitto serves with a key" {
    need mosquitto
    make_certificate
    port=$(free_port)
    printf '%s\n' "listener $port 127.0.0.1" 'allow_anonymous true' "certfile $DIR/cert.pem" \
        "keyfile $PLACE/key.pem" >mosquitto.conf
    PATH=$PATH:/usr/sbin "${PLAIN[@]}" "$SEALMEM" run --files="$PLACE" --secret key.pem=env:KEY -- \
        mosquitto -c mosquitto.conf 3>&- &
    started=$!
    wait_until serves_with_key "$port"
}

@test "stunnel serves with a key" {
    need stunnel4
    make_certificate
    port=$(free_port)
    printf '%s\n' foreground=yes pid= '[service]' "accept=127.0.0.1:$port" "connect=127.0.0.1:$port" \
        "cert=$DIR/cert.pem" "key=$PLACE/key.pem" >stunnel.conf
    "${PLAIN[@]}" "$SEALMEM" run --files="$PLACE" --secret key.pem=env:KEY -- stunnel4 stunnel.conf 3>&- &
    started=$!
    wait_until serves_with_key "$port"
}

@test "bwrap mounts a file into its own root" {
    command -v bwrap >/dev/null || skip "no bwrap"
    bwrap --ro-bind / / true 2>/dev/null || skip "bwrap does not work here"
    run -0 with_config --files="$PLACE" --secret key=env:CONFIG -- \
        bwrap --ro-bind /usr /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64 --symlink usr/bin /bin \
        --ro-bind {key} /key cat /key
    [ "$output" = '{"port":443}' ]
}
