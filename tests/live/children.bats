#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

# What the manual says under CHILDREN: which programs close the descriptors that they do not know before they start
# another program, and that the children find the secrets nevertheless.

load live

setup() {
    cd "$DIR"
    echo 'a secret' >secret
    echo 'require("child_process").execFileSync("cat", process.argv.slice(2), { stdio: "inherit" })' >start.js
    cat >Start.java <<'END'
import java.util.*;
class Start {
    public static void main(String[] arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of("cat"));
        command.addAll(List.of(arguments));
        System.exit(new ProcessBuilder(command).inheritIO().start().waitFor());
    }
}
END
}

# Runs cat as a child of a program that closes descriptors, or of one that keeps them: start PROGRAM OPTION...
start() {
    local program=$1
    shift
    local -A starts=(
        [python]='exec python3 -c "import subprocess, sys; sys.exit(subprocess.run([\"cat\"] + sys.argv[1:]).returncode)" "$@"'
        [node]='exec node start.js "$@"'
        [java]='exec java Start.java "$@"'
        [sh]='cat "$@"; exit $?'
        [bash]='exec bash -c "cat \"\$@\"; exit \$?" bash "$@"'
        [perl]='exec perl -e "system(q(cat), @ARGV) and exit 1" -- "$@"'
    )

    alone "$SEALMEM" run --env-file "$@" --secret key=secret -- \
        sh -c 'set -- "$@" "$CREDENTIALS_DIRECTORY/key" "$key_FILE"; '"${starts[$program]}" sh {key}
}

three_times=$'a secret\na secret\na secret'

@test "children of Python find the secrets by the paths, and do not inherit them" {
    run -0 start python
    [ "$output" = "$three_times" ]
    run -1 start python --self-paths
}

@test "children of Node find the secrets by the paths, and do not inherit them" {
    need node
    run -0 start node
    [ "$output" = "$three_times" ]
    run -1 start node --self-paths
}

@test "children of Java find the secrets by the paths, and do not inherit them" {
    need javac
    run -0 start java
    [ "$output" = "$three_times" ]
    run -1 start java --self-paths
}

@test "children of sh, bash and Perl find the secrets by the paths, and inherit them" {
    for program in sh bash perl; do
        for option in "" --self-paths; do
            run -0 start "$program" $option
            [ "$output" = "$three_times" ]
        done
    done
}
