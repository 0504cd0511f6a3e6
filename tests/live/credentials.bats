#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

load live

# As a service written for systemd's credentials does it; and asks for the seals of what it opened.
READER='
import fcntl, os, pathlib, subprocess, sys
directory = pathlib.Path(os.environ["CREDENTIALS_DIRECTORY"])
print(sorted(entry.name for entry in directory.iterdir()))
for _ in range(2):
    print((directory / "token").read_text())
with open(directory / "token", "rb") as file:
    print(fcntl.fcntl(file, fcntl.F_GET_SEALS) & 0xf)
print(subprocess.run(["cat", directory / "token"], capture_output=True, close_fds=False, text=True).stdout)
try:
    os.open(directory / "token", os.O_WRONLY)
    print(os.write(os.open(directory / "token", os.O_WRONLY), b"X"))
except PermissionError as error:
    print("refused")'

setup() {
    cd "$DIR"
}

read_credentials() {
    KEEP=1 TOKEN=a-token alone "$@" "$SEALMEM" run --allow-empty --secret token=env:TOKEN --secret other=exec:true -- \
        python3 -c "$READER"
}

@test "Python reads a sealed secret from \$CREDENTIALS_DIRECTORY, again and again" {
    run -0 read_credentials
    [ "$output" = "['other', 'token']"$'\n'"a-token"$'\n'"a-token"$'\n'15$'\n'"a-token"$'\n'"refused" ]
}

@test "Python reads a sealed secret as a plain user" {
    run -0 read_credentials "${PLAIN[@]}"
    [ "$output" = "['other', 'token']"$'\n'"a-token"$'\n'"a-token"$'\n'15$'\n'"a-token"$'\n'"refused" ]
}

@test "systemd-creds reads a sealed secret" {
    need systemd-creds
    TOKEN=a-token run -0 alone "$SEALMEM" run --secret token=env:TOKEN -- systemd-creds cat token
    [ "$output" = a-token ]
}
