# SPDX-License-Identifier: MIT
# shellcheck shell=bash

# For bash. After the name of a command that run, exec or audit starts, its own completions follow.

_sealmem_options() {
    case $1 in
    '') echo '--help --version' ;;
    attack)
        echo '--only --column --list --json --markdown --no-progress --with-hwpoison --help'
        ;;
    audit)
        echo '--all --self --require --flagged --summary --json --format --quiet --raw --columns --svg --watch --procfs' \
            '--no-progress --help'
        ;;
    demo) echo '--explain --data --file --help' ;;
    probe) echo '--require --json --quiet --help' ;;
    run)
        echo '--secret --from --on-update --env-file --listen-fds --self-paths --files --no-credentials --max-size --allow-empty --strip-newline --mode' \
            '--owner --image --secret-heap --no-dump --no-new-privs --deny-write-execute --help'
        ;;
    exec) echo '--sha256 --like --help' ;;
    seal) echo '--all-matching --unit --watch --enforce --deep --content-only --dry-run --one-thread --report --json --help' ;;
    serve)
        echo '--socket --mode --allow-user --allow-group --max-size --max-clients --max-clients-of-user --verify --verify-timeout --watch' \
            '--list --json --help'
        ;;
    esac
}

# The options that take a value.
_sealmem_takes_value() {
    case $1 in
    --secret | --max-size | --mode | --owner | --sha256 | --like | --data | --file | --only | --column | \
        --require | --format | --columns | --svg | --procfs | --all-matching | --unit) return 0 ;;
    --watch) [ "$command" = audit ] ;;
    --verify | --verify-timeout | --from | --on-update | --socket | --allow-user | --allow-group | --max-clients | --max-clients-of-user) return 0 ;;
    --list) [ "$command" = serve ] ;;
    *) return 1 ;;
    esac
}

# bash-completion can complete the rest of the line as a command of its own. Without it, this offers the names of
# commands and files.
_sealmem_command_at() {
    if declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif [ "$1" = "$COMP_CWORD" ]; then
        mapfile -t COMPREPLY < <(compgen -c -- "${COMP_WORDS[COMP_CWORD]}")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
    fi
}

# For bash, NAME=SOURCE is three words, because = separates words.
_sealmem_value() {
    local option=$1 word=$2 required=$_sealmem_rules

    [ "$command" != probe ] || required=$_sealmem_guarantees

    case $option in
    --file | --from | --like | --svg | --socket | --list) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    --secret)
        [[ $word != *=* && $word != '=' && ${COMP_WORDS[COMP_CWORD - 1]} != '=' ]] ||
            mapfile -t COMPREPLY < <(compgen -f -W '- env: fd: exec:' -- "${word##*=}")
        compopt -o nospace
        ;;
    --verify) mapfile -t COMPREPLY < <(compgen -c -- "$word") ;;
    --owner | --allow-user) mapfile -t COMPREPLY < <(compgen -u -- "$word") ;;
    --allow-group) mapfile -t COMPREPLY < <(compgen -g -- "$word") ;;
    --procfs) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
    --require) mapfile -t COMPREPLY < <(compgen -W "$required" -- "$word") ;;
    --format) mapfile -t COMPREPLY < <(compgen -W 'table summary json svg openmetrics sarif junit' -- "$word") ;;
    --columns) mapfile -t COMPREPLY < <(compgen -W "$_sealmem_columns" -- "$word") ;;
    *) COMPREPLY=() ;;
    esac
}

_sealmem_rules='no-write-execute no-relro-unsealed no-relro-undoable no-relro-unknown no-mark-unsealed no-sealed-writable
    no-sealed-private no-shared-unsealed no-exec-unsealed no-seals-unknown no-secret-dumpable
    relro:CONTENT relro:CONTENT,ADDRESS text:ADDRESS memfd:CONTENT secret:SECRECY'
_sealmem_columns='PID PROCESS ADDRESS END SIZE PERM OFFSET DEVICE INODE KIND SEALS GUARANTEES FLAGS MARK HOLDERS
    RULES NAME'

_sealmem_guarantees='CONTENT ADDRESS SECRECY NOSWAP NODUMP NOFORK GUARDS'

_sealmem_pids() {
    (cd /proc && compgen -G '[1-9]*')
}

_sealmem() {
    local word=${COMP_WORDS[COMP_CWORD]} command='' i=1 option=''

    COMPREPLY=()
    compopt -o filenames 2>/dev/null
    while ((i < COMP_CWORD)); do
        if [ -n "$option" ]; then
            if [[ ${COMP_WORDS[i + 1]} == '=' ]]; then
                ((i += 2))
            fi
            ((i >= COMP_CWORD)) || option=''
        elif [ -z "$command" ] && [[ ${COMP_WORDS[i]} != -* ]]; then
            command=${COMP_WORDS[i]}
        elif [[ $command == @(run|exec|audit) && ${COMP_WORDS[i]} == -- ]]; then
            _sealmem_command_at $((i + 1))
            return
        elif [[ $command == @(run|exec) && ${COMP_WORDS[i]} != -* ]]; then
            _sealmem_command_at "$i"
            return
        elif _sealmem_takes_value "${COMP_WORDS[i]}"; then
            option=${COMP_WORDS[i]}
        fi
        ((i += 1))
    done
    if [ -n "$option" ]; then
        _sealmem_value "$option" "$word"
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_sealmem_options "$command")" -- "$word")
    elif [[ -z $command || $command == help ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'attack audit demo probe run exec seal serve help' -- "$word")
    elif [[ $command == @(run|exec) ]]; then
        _sealmem_command_at "$COMP_CWORD"
    elif [[ $command == probe && " ${COMP_WORDS[*]} " == *' --require '* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$_sealmem_guarantees" -- "$word")
    elif [[ $command == serve ]]; then
        [[ $word == '=' ]] && word=''
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    elif [[ $command == seal && " ${COMP_WORDS[*]} " == *' --watch '* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    elif [[ $command == @(audit|seal) ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_sealmem_pids)" -- "$word")
    fi
}

complete -F _sealmem sealmem
