/* SPDX-License-Identifier: MIT */

/*
 * The life of a region of the CONTENT kind: open, sealed in steps of which each may fail, rolled back, and sealed
 * again. A reader loads at any moment, a thread forks at any moment, and another process maps the file writable while
 * it can. Spin looks for a reader who sees bytes that are no longer or not yet those of the region, for a child with
 * a writable mapping, for somebody who can still write after a success, and for a success that was not checked.
 *
 * Steps of lib/region-file.c, lib/region.c: an inline here is a function there, and calls the others in the same
 * order. tests/models/steps.py compares.
 *
 * The kernel may lie: a sandbox can say that a call has succeeded that was not made.
 *
 * With -DNO_CHECK the seals of the file are not asked for. With -DEARLY_MAP a roll-back maps the new file before it
 * has the bytes. With -DFUTURE_ONLY the seal exempts older mappings, as F_SEAL_FUTURE_WRITE does. With -DNO_MOMENT a
 * fork does not wait between the mapping and its mark for children. With -DNO_ROLL_BACK a seal that fails leaves the
 * region as it is. Spin finds what is wrong with each.
 */

#define CELLS	 2 /* of a file: bytes that are read one after the other */
#define ATTEMPTS 2 /* how often the owner calls the seal */

mtype = { open_, remapped, file_final, address_final, sealed_ };
mtype = { writable, readable };

/* A roll-back moves the region to the other file. A third does not come into being: ATTEMPTS bounds it. */
#define FILES 3
byte cell[FILES * CELLS];
bool file_sealed[FILES];
byte foreign[FILES]; /* writable mappings of other processes */
byte files = 1;

mtype state = open_;
mtype mapping = writable;
bool nofork = true;
byte mapped;	     /* the file that the address shows */
byte file;	     /* the file of the region */
bool address_sealed;
bool children_write;
bool succeeded, finished;

/* A call may fail, or succeed. */
inline may_fail(ok)
{
	if
	:: ok = true
	:: ok = false
	fi
}

inline map_readable(ok)
{
	may_fail(ok);
	if
	:: ok -> atomic { mapping = readable; mapped = file; nofork = false }
	:: else
	fi
}

/* Of a sealed file the kernel refuses it. */
inline map_writable(ok)
{
	if
	:: !file_sealed[file] -> ok = true
	:: ok = false
	fi;
	if
	:: ok ->
#ifdef NO_MOMENT
		atomic { mapping = writable; mapped = file; nofork = false };
		nofork = true
#else
		atomic { mapping = writable; mapped = file; nofork = true }
#endif
	:: else
	fi
}

inline replace_writable_mapping(ok)
{
	may_fail(ok);
	if
	:: ok ->
		map_readable(ok);
		if
		:: ok -> state = remapped; may_fail(ok)
		:: else
		fi
	:: else
	fi
}

/* The kernel refuses it while anybody maps the file writable. */
inline take_seal(ok)
{
	atomic {
		if
#ifdef FUTURE_ONLY
		:: mapping != writable || mapped != file -> file_sealed[file] = true; ok = true
#else
		:: (mapping != writable || mapped != file) && foreign[file] == 0 -> file_sealed[file] = true; ok = true
#endif
		:: ok = false
		:: ok = true /* it lies */
		fi
	}
}

/* The first seal of a region that is not full. Its size may fail after that. */
inline trim_file(ok)
{
	if
	:: ok = true
	:: take_seal(ok);
		if
		:: ok -> state = file_final; may_fail(ok)
		:: else
		fi
	fi
}

inline check_file(ok)
{
#ifdef NO_CHECK
	ok = true
#else
	ok = file_sealed[mapped]
#endif
}

/* An earlier seal may have come this far. */
inline seal_file(ok)
{
	ok = false;
	if
	:: state == file_final -> check_file(ok)
	:: else
	fi;
	if
	:: !ok ->
		trim_file(ok);
		if
		:: ok -> take_seal(ok)
		:: else
		fi;
		if
		:: ok -> state = file_final; check_file(ok)
		:: else
		fi
	:: else
	fi
}

inline map_shared(ok)
{
	may_fail(ok);
	if
	:: ok -> atomic { mapping = readable; mapped = file }
	:: else
	fi
}

inline seal_content(ok)
{
	replace_writable_mapping(ok);
	if
	:: ok -> seal_file(ok)
	:: else
	fi;
	if
	:: ok -> map_shared(ok)
	:: else
	fi
}

inline seal_address(ok)
{
	if
	:: ok = true; address_sealed = true
	:: ok = true /* it lies */
	:: ok = false
	fi;
	if
	:: ok -> state = address_final
	:: else
	fi
}

inline region_seal_address(ok)
{
	if
	:: state != address_final -> seal_address(ok)
	:: else -> ok = true
	fi;
	if
	:: ok -> ok = address_sealed
	:: else
	fi
}

inline seal_in_place(ok)
{
	if
	:: state != address_final -> seal_content(ok)
	:: else -> ok = true
	fi;
	if
	:: ok -> region_seal_address(ok)
	:: else
	fi
}

/* Another process may have sealed the file meanwhile, so the state alone does not say it. */
inline is_final(final)
{
	final = state == file_final || file_sealed[file]
}

/* Cell by cell, while others run. */
inline copy_file(from, to)
{
	at = 0;
	do
	:: at < CELLS -> cell[to * CELLS + at] = cell[from * CELLS + at]; at++
	:: else -> break
	od
}

inline replace_file(ok)
{
	may_fail(ok);
	if
	:: ok && files < FILES ->
		fresh = files;
		files++;
#ifdef EARLY_MAP
		old = file;
		file = fresh;
		atomic { mapping = readable; mapped = file };
		copy_file(old, fresh);
#else
		copy_file(file, fresh);
		file = fresh;
#endif
		state = remapped
	:: else -> ok = false
	fi
}

inline open_again(ok)
{
	map_writable(ok)
}

inline roll_back_file(ok)
{
	is_final(final);
	ok = true;
	if
	:: final -> replace_file(ok)
	:: else
	fi;
	if
	:: ok -> open_again(ok)
	:: else
	fi;
	if
	:: !ok -> map_readable(lost)
	:: else
	fi
}

inline roll_back(ok)
{
	if
	:: state == address_final -> ok = false
	:: state == open_ -> ok = true
	:: else -> roll_back_file(ok)
	fi;
	if
	:: ok -> state = open_
	:: else
	fi
}

inline seal_or_roll_back(ok)
{
	seal_in_place(ok);
	if
	:: ok -> state = sealed_
	:: else ->
#ifndef NO_ROLL_BACK
		roll_back(rolled)
#else
		rolled = true
#endif
	fi
}

proctype owner()
{
	bool ok, rolled, final, lost;
	byte at, fresh, old, attempts;

	do
	:: attempts < ATTEMPTS && state != sealed_ ->
		attempts++;
		seal_or_roll_back(ok);
		if
		:: ok ->
			/* Nothing that was demanded is missing, and nobody can write. */
			assert(file_sealed[mapped] && mapped == file && mapping == readable);
			assert(address_sealed && foreign[file] == 0);
			succeeded = true
		:: !ok && rolled ->
			/* As it was: whoever has the address can write to it. */
			assert(state == open_ && mapping == writable && mapped == file);
			assert(!file_sealed[file])
		:: else ->
			/* It is stuck, and says so: it can be read, and is sealed again or freed. */
			assert(state != open_ && state != sealed_)
		fi
	:: else -> break
	od;
	finished = true
}

/* Loads at the address. The file may be another one at the second load. */
proctype reader()
{
	byte i;

	do
	:: !finished ->
		i = 0;
		do
		:: i < CELLS -> assert(cell[mapped * CELLS + i] == 1); i++
		:: else -> break
		od
	:: finished -> break
	od
}

proctype forker()
{
	do
	:: atomic { !finished && mapping == writable && !nofork -> children_write = true; assert(!children_write) }
	:: finished -> break
	od
}

/* By /proc/PID/fd, of a file that is not sealed. It comes and goes, and stores nothing before the success. */
proctype other_process()
{
	byte mine;

	do
	:: atomic { !finished && !file_sealed[file] -> mine = file; foreign[mine]++ };
		if
		:: foreign[mine]--
		:: succeeded -> cell[mine * CELLS] = 2; assert(mine != mapped); foreign[mine]--
		fi
	:: finished -> break
	od
}

init {
	byte i;

	atomic {
		i = 0;
		do
		:: i < CELLS -> cell[i] = 1; i++
		:: else -> break
		od;
		run owner();
		run reader();
		run forker();
		run other_process()
	}
}
