# SPDX-License-Identifier: MIT
#
# Reads the planned rows and what each kernel wrote (see boot), prints the tables and exits with status 1 if anything
# was not as promised. It believes only lines that init wrote itself: a line of a program has the program's
# name in front. What a kernel did not report counts as missing, never as passed.

function at_least(text, width) {
	return text sprintf("%" (width > length(text) ? width - length(text) : 0) "s", "")
}

# How a program ended for one user: "ok", "skip", "FAIL", "signal 11", "limit 60", "missing".
function ending(key,    p) {
	if (!(key in result))
		return "missing"
	split(result[key], p, ":")
	if (p[1] != "exit")
		return p[1] " " p[2]
	if (p[2] == 77)
		return "skip"
	return p[2] == 0 && !failed[key] ? "ok" : "FAIL"
}

function is_bad(text) {
	return text !~ /^(ok|skip)$/
}

# A cell for one user, of all programs of a column: "ok", "12", "12 (3)", "skip", "2 FAIL", "signal 11".
function outcome(k, c, user, arch,    p, key, text, worst, good, bad_ones, left_out) {
	worst = "skip"
	for (p = 1; p <= programs; p++) {
		if (column_of[p] != c || !((arch, tests_of[k], program[p]) in listed))
			continue
		key = k SUBSEP program[p] SUBSEP user
		text = ending(key)
		if (is_bad(text) ? !is_bad(worst) || text != "FAIL" : worst == "skip")
			worst = text
		good += passed[key]
		bad_ones += failed[key]
		left_out += skipped[key]
	}
	if (worst == "FAIL" && bad_ones)
		return bad_ones " FAIL"
	if (worst != "ok" || !(good + left_out))
		return worst
	return good + 0 (left_out ? " (" left_out ")" : "")
}

# One cell for both users, said once if they agree.
function both(root, plain) {
	return root == plain ? root : root " | " plain
}

function read_log(k,    file, line, w, n, i, key, rest, user, name) {
	file = work "/" k ".log"
	while ((getline line < file) > 0) {
		sub(/\r$/, "", line)
		n = split(line, w, " ")
		if (line ~ /^SEALMEM-KERNEL /) {
			release[k] = w[2]
			page[k] = w[4]
			for (i = 5; i < n; i++)
				if (w[i] == "Debian")
					release[k] = w[i + 1]
		} else if (line ~ /^SEALMEM-RESULT /) {
			result[k, w[2], w[3]] = w[4]
		} else if (match(line, /^[^ ]+\.(root|plain)\| /)) {
			rest = substr(line, RLENGTH + 1)
			name = substr(line, 1, RLENGTH - 2)
			user = name ~ /\.root$/ ? "root" : "plain"
			sub(/\.(root|plain)$/, "", name)
			read_program_line(k, name, user, rest)
		}
	}
	close(file)
}

# For record.py. A line is words, and begins with the row.
function record_line(text) {
	print text >(work "/record")
}

function column(name) {
	sub(/\/.*/, "", name)
	return name
}

function note_skip(text, k) {
	if (!(text in why))
		why_text[++reasons] = text
	why[text]++
	if (!((text, k) in noted))
		why_where[text] = why_where[text] " " k
	noted[text, k] = 1
}

function read_program_line(k, name, user, rest,    w, n) {
	output[k, name, user, ++lines[k, name, user]] = rest
	if (rest ~ /^ *[0-9]+ passed, [0-9]+ failed/) {
		split(rest, w, " ")
		n = rest ~ /, [0-9]+ skipped/ ? 0 : skips[k, name, user]
		passed[k, name, user] += w[1] - n
		failed[k, name, user] += w[3]
		skipped[k, name, user] += w[5] + n
	} else if (rest ~ /^FACT /) {
		split(rest, w, " ")
		if (!(w[2] in fact_number)) {
			fact_number[w[2]] = ++facts
			fact_name[facts] = w[2]
		}
		fact[k, w[2], user] = substr(rest, length("FACT " w[2] " ") + 1)
		record_line(k " " user " " (name == "facts" ? "found" : "gives") " " w[2] " " w[3])
	} else if (rest ~ /^AGAINST / && name == "attack") {
		record_line(k " " user " attacked " substr(rest, length("AGAINST ") + 1))
	} else if (rest ~ /^SKIP/) {
		skips[k, name, user]++
		sub(/ +$/, "", rest)
		note_skip(column(name) ": " rest, k)
	}
}

# A table: head[1..columns], cell[row, column], printed in blocks that fit a page, each with the first column.
function print_table(rows, columns,    c, r, from, to, width, size) {
	for (c = 1; c <= columns; c++) {
		size[c] = length(head[c])
		for (r = 1; r <= rows; r++)
			if (length(cell[r, c]) > size[c])
				size[c] = length(cell[r, c])
	}
	for (from = 2; from <= columns; from = to + 1) {
		width = size[1] + 2 + size[from]
		for (to = from; to < columns && width + 2 + size[to + 1] <= 130; to++)
			width += 2 + size[to + 1]
		for (r = 0; r <= rows; r++)
			print_row(r, from, to, size)
		print ""
	}
}

function print_row(r, from, to, size,    c, line) {
	line = at_least(r ? cell[r, 1] : head[1], size[1])
	if (r && (r in instead))
		line = line "  " (from == 2 ? instead[r] : "-")
	else
		for (c = from; c <= to; c++)
			line = line "  " at_least(r ? cell[r, c] : head[c], size[c])
	sub(/ +$/, "", line)
	print line
}

function read_list(arch, tests,    file, line, w) {
	file = work "/" arch "/tests/list." tests
	while ((getline line < file) > 0) {
		split(line, w, " ")
		listed[arch, tests, w[3]] = 1
	}
	close(file)
}

function note_if_bad(k, name, user, text,    n, i) {
	if (!is_bad(text) || (text == "missing" && status[k] != "ran"))
		return
	bad++
	complain(k ", " name ", " user ": " text)
	n = lines[k, name, user]
	if (n > most_lines)
		complain("    (the last " most_lines " of " n " lines)")
	for (i = n > most_lines ? n - most_lines + 1 : 1; i <= n; i++)
		complain("    " output[k, name, user, i])
}

function complain(text) {
	complaint[++complaints] = text
}

function judge_programs(k, arch,    p) {
	for (p = 1; p <= programs; p++) {
		if (!((arch, "all", program[p]) in listed))
			lacking[arch " " program[p]] = 1
		if (!((arch, tests_of[k], program[p]) in listed))
			continue
		has[k, column_of[p]] = 1
		note_if_bad(k, program[p], "root", ending(k SUBSEP program[p] SUBSEP "root"))
		note_if_bad(k, program[p], "plain", ending(k SUBSEP program[p] SUBSEP "plain"))
	}
}

function result_row(r, k, arch,    c) {
	judge_programs(k, arch)
	cell[r, 1] = k
	cell[r, 2] = release[k]
	cell[r, 3] = arch
	cell[r, 4] = page[k]
	cell[r, 5] = tests_of[k]
	for (c = 1; c <= columns; c++)
		cell[r, 5 + c] = (k, c) in has ? both(outcome(k, c, "root", arch), outcome(k, c, "plain", arch)) : "-"
	cell[r, 6 + columns] = took[k] (boots[k] > 1 ? " (" boots[k] " boots)" : "")
}

function print_results(    r, c) {
	head[1] = "kernel"
	head[2] = "version"
	head[3] = "arch"
	head[4] = "page"
	head[5] = "tests"
	for (c = 1; c <= columns; c++)
		head[5 + c] = heading[c]
	head[6 + columns] = "seconds"
	for (r = 1; r <= kernels; r++) {
		result_row(r, kernel[r], arch_of[r])
		if (status[kernel[r]] == "gone")
			instead[r] = "not available: " reason[kernel[r]]
	}
	print_table(kernels, 6 + columns)
}

# Facts that are the same wherever a kernel has what they are about need a line, not a column.
function print_facts(    f, r, value, first, here, same, same_list, n) {
	split("", cell)
	split("", instead)
	n = 1
	for (f = 1; f <= facts; f++) {
		first = ""
		same = 1
		here = 0
		for (r = 1; r <= kernels; r++) {
			value[r] = "-"
			if (status[kernel[r]] == "ran")
				value[r] = both(fact[kernel[r], fact_name[f], "root"],
						fact[kernel[r], fact_name[f], "plain"])
			if (value[r] == "-")
				continue
			here++
			if (first == "")
				first = value[r]
			same = same && value[r] == first
		}
		if (same) {
			same_list = same_list sprintf("  %s: %s (%d)\n", fact_name[f], here ? first : "-", here)
			continue
		}
		head[++n] = fact_name[f]
		for (r = 1; r <= kernels; r++)
			cell[r, n] = value[r]
	}
	for (r = 1; r <= kernels; r++)
		cell[r, 1] = kernel[r]
	if (n > 1) {
		print "Facts that differ (\"-\": the kernel lacks what they are about)\n"
		print_table(kernels, n)
	}
	if (same_list)
		print "Facts that are the same (in brackets: on how many of them)\n" same_list
}

BEGIN {
	most_lines = 40
	while ((getline line < (work "/programs")) > 0) {
		program[++programs] = line
		if (!(column(line) in number_of)) {
			number_of[column(line)] = ++columns
			heading[columns] = column(line)
		}
		column_of[programs] = number_of[column(line)]
	}
}

{
	kernel[++kernels] = $1
	arch_of[kernels] = $2
	if (!($2 in known)) {
		known[$2] = 1
		arches[++architectures] = $2
		read_list($2, "all")
		read_list($2, "core")
		read_list($2, "survey")
	}
	tests_of[$1] = $6
	file = work "/" $1 ".status"
	if ((getline line < file) > 0) {
		split(line, word, " ")
		status[$1] = word[1]
		took[$1] = word[2]
		processor += word[3]
		boots[$1] = word[4]
		reason[$1] = substr(line, length(word[1] " " word[2] " " word[3] " " word[4] " ") + 1)
	} else {
		status[$1] = "crash"
		reason[$1] = "nothing is known of it"
	}
	if (status[$1] == "gone") {
		gone++
		record_line($1 " gone " reason[$1])
		next
	}
	read_log($1)
	record_line($1 " " status[$1] " " release[$1] " " page[$1])
	if (status[$1] == "crash") {
		crashed++
		complain($1 ": crash: " reason[$1])
	} else if (!((release[$1], $2, page[$1]) in seen)) {
		seen[release[$1], $2, page[$1]] = 1
		different++
	}
}

END {
	print "\nResults: passed (skipped), root | plain user where these differ\n"
	print_results()
	print_facts()
	for (i = 1; i <= reasons; i++) {
		text = why_text[i]
		n = split(why_where[text], word, " ")
		print text " (" why[text] " times, on " (n > 4 ? n " kernels" : substr(why_where[text], 2)) ")"
	}
	for (p = 1; p <= programs; p++)
		for (i = 1; i <= architectures; i++)
			if ((arches[i] " " program[p]) in lacking)
				print program[p] ": unsupported for " arches[i]
	for (i = 1; i <= complaints; i++)
		print complaint[i]
	printf "%d different kernels ran in %d rows; %d crashed, %d programs failed, %d not available\n",
		different, kernels - gone - crashed, crashed, bad, gone
	printf "%d s, %d s of processor time\n", seconds, processor
	enough = least == "all" ? !gone : different >= least
	if (!enough)
		print least == "all" ? "not all of them ran" : "fewer than " least " different kernels ran"
	exit bad || crashed || !enough
}
