# SPDX-License-Identifier: MIT

# For fish. After the name of a command that run or exec starts, what is completed is that command's.

set -l commands attack audit demo probe run exec help

complete -c sealmem -f
complete -c sealmem -n "not __fish_seen_subcommand_from $commands" -s h -l help -d 'Print a summary'
complete -c sealmem -n "not __fish_seen_subcommand_from $commands" -s V -l version -d 'Print the version'
complete -c sealmem -n "not __fish_seen_subcommand_from $commands" -a attack -d 'The attacks, tried on this machine'
complete -c sealmem -n "not __fish_seen_subcommand_from $commands" -a audit -d 'What is sealed in a process'
complete -c sealmem -n "not __fish_seen_subcommand_from $commands" -a demo -d 'The walkthrough of memory sealing'
complete -c sealmem -n "not __fish_seen_subcommand_from $commands" -a probe -d 'What this machine can give'
complete -c sealmem -n "not __fish_seen_subcommand_from $commands" -a run -d 'Start a program with secrets in sealed descriptors'
complete -c sealmem -n "not __fish_seen_subcommand_from $commands" -a exec -d 'Run exactly the bytes that were verified'
complete -c sealmem -n "not __fish_seen_subcommand_from $commands" -a help -d 'The help of a command'

complete -c sealmem -n '__fish_seen_subcommand_from help' -a 'attack audit demo probe run exec'

complete -c sealmem -n '__fish_seen_subcommand_from attack' -l only -x -d 'Only this attack'
complete -c sealmem -n '__fish_seen_subcommand_from attack' -l column -x -d 'Only this column'
complete -c sealmem -n '__fish_seen_subcommand_from attack' -l list -d 'Show the attacks and the columns'
complete -c sealmem -n '__fish_seen_subcommand_from attack' -l json -d 'Answer in JSON'
complete -c sealmem -n '__fish_seen_subcommand_from attack' -l markdown -d 'Answer as a Markdown table'
complete -c sealmem -n '__fish_seen_subcommand_from attack' -l no-progress -d 'Do not show how far it is'
complete -c sealmem -n '__fish_seen_subcommand_from attack' -l with-hwpoison -d 'Also the attack that takes pages out of use'
complete -c sealmem -n '__fish_seen_subcommand_from attack' -s h -l help -d 'Print a summary'

complete -c sealmem -n '__fish_seen_subcommand_from audit' -l all -d 'Every process that may be read'
complete -c sealmem -n '__fish_seen_subcommand_from audit' -l self -d 'This process'
complete -c sealmem -n '__fish_seen_subcommand_from audit' -l require -x -a 'no-write-execute no-relro-unsealed no-relro-undoable no-relro-unknown no-sealed-writable no-sealed-private no-shared-unsealed no-exec-unsealed no-seals-unknown no-secret-dumpable relro:CONTENT relro:CONTENT,ADDRESS text:ADDRESS memfd:CONTENT secret:SECRECY' -d 'Exit with 1 unless a rule is met'
complete -c sealmem -n '__fish_seen_subcommand_from audit' -l flagged -d 'Show only what deserves a look'
complete -c sealmem -n '__fish_seen_subcommand_from audit' -l json -d 'Answer in JSON'
complete -c sealmem -n '__fish_seen_subcommand_from audit' -l raw -d 'Answer in lines of one mapping each'
complete -c sealmem -n '__fish_seen_subcommand_from audit' -l columns -x -a '(__fish_append , PID PROCESS ADDRESS END SIZE PERM OFFSET DEVICE INODE KIND SEALS GUARANTEES FLAGS HOLDERS RULES NAME)' -d 'Which columns'
complete -c sealmem -n '__fish_seen_subcommand_from audit' -l svg -r -F -d 'Also draw the address spaces'
complete -c sealmem -n '__fish_seen_subcommand_from audit' -l procfs -x -a '(__fish_complete_directories)' -d 'Read another /proc'
complete -c sealmem -n '__fish_seen_subcommand_from audit' -l no-progress -d 'Do not show how far it is'
complete -c sealmem -n '__fish_seen_subcommand_from audit' -s h -l help -d 'Print a summary'
complete -c sealmem -n '__fish_seen_subcommand_from audit' -a '(__fish_complete_pids)'

complete -c sealmem -n '__fish_seen_subcommand_from demo' -l explain -d 'Show the system calls of each step'
complete -c sealmem -n '__fish_seen_subcommand_from demo' -l data -x -d 'Seal a text'
complete -c sealmem -n '__fish_seen_subcommand_from demo' -l file -r -F -d 'Seal the bytes of a file'
complete -c sealmem -n '__fish_seen_subcommand_from demo' -s h -l help -d 'Print a summary'

complete -c sealmem -n '__fish_seen_subcommand_from probe' -l json -d 'Answer in JSON'
complete -c sealmem -n '__fish_seen_subcommand_from probe' -s h -l help -d 'Print a summary'

complete -c sealmem -n '__fish_seen_subcommand_from run' -l secret -x -d 'A secret: NAME=SOURCE'
complete -c sealmem -n '__fish_seen_subcommand_from run' -l env-file -d 'Set NAME_FILE for each secret'
complete -c sealmem -n '__fish_seen_subcommand_from run' -l no-listen-fds -d 'Leave LISTEN_FDS alone'
complete -c sealmem -n '__fish_seen_subcommand_from run' -l no-credentials -d 'Leave $CREDENTIALS_DIRECTORY alone'
complete -c sealmem -n '__fish_seen_subcommand_from run' -l max-size -x -d 'Refuse a larger secret'
complete -c sealmem -n '__fish_seen_subcommand_from run' -l mode -x -a '400 440 444' -d 'Permissions of the secrets'
complete -c sealmem -n '__fish_seen_subcommand_from run' -l image -d 'Seal the image of the command'
complete -c sealmem -n '__fish_seen_subcommand_from run' -l no-dump -d 'Make the command unreadable to its user'
complete -c sealmem -n '__fish_seen_subcommand_from run' -l no-new-privs -d 'No privileges by executing a program'
complete -c sealmem -n '__fish_seen_subcommand_from run' -l deny-write-execute -d 'No executable memory that was writable'
complete -c sealmem -n '__fish_seen_subcommand_from run' -s h -l help -d 'Print a summary'
complete -c sealmem -n '__fish_seen_subcommand_from run' -a '(__fish_complete_subcommand --fcs-skip=2)'

complete -c sealmem -n '__fish_seen_subcommand_from exec' -l sha256 -x -d 'Only what has this SHA-256'
complete -c sealmem -n '__fish_seen_subcommand_from exec' -l like -r -F -d 'Only what has the bytes of a file'
complete -c sealmem -n '__fish_seen_subcommand_from exec' -s h -l help -d 'Print a summary'
complete -c sealmem -n '__fish_seen_subcommand_from exec' -a '(__fish_complete_subcommand --fcs-skip=2)'
