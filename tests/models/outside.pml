/* SPDX-License-Identifier: MIT */

/*
 * Sealing the image of another process: a plan and a copy of the bytes are made while it runs, and both are compared
 * with it once it stands still. The process stores and maps at any moment while it runs, and the tool may die between
 * any two steps. Spin looks for a store that is lost, for a plan that is out of date when it is carried out, for a
 * process that stays stopped, for one that is left with a part of the change, and for a success that was not checked.
 *
 * Steps of outside/outside.c, outside/prepare.c, outside/enter.c, outside/change.c, outside/leave.c,
 * outside/verify.c: an inline here is a function there, and calls the others in the same order. tests/models/steps.py
 * compares. Left out: change: stop; change_with: let_go; prepare: prepared_free. (Threads that go on while the lent
 * one makes the change are not in the model, nor is a lack of memory.)
 *
 * The change has a commit point: before it, a failure leaves everything as it was; after it the helper, which is in
 * the process, goes on by itself.
 *
 * With -DLOOK_FIRST the plan and the copy are compared before the process stops. With -DNO_LOOK they are not
 * compared. With -DNO_LEAVE a failure leaves the process stopped. With -DNO_VERIFY nobody asks whether the seals are
 * there. Spin finds what is wrong with each.
 */

#define THREADS 2
#define ACTS	2 /* how often each thread stores or maps */
#define RANGES	2

bool stopped_[THREADS];
byte bytes;  /* of the process: a number for each of its states */
byte layout; /* of its mappings */

bool sealed_range[RANGES];
byte shown[RANGES]; /* the bytes that a range shows once it is replaced */
byte replaced;	    /* how many ranges are */

byte planned, copied;
bool has_copy, success, partly, dead, over;

/* The tool dies here, or not. The kernel detaches what it traced. */
inline or_dies()
{
	if
	:: dead = true
	:: skip
	fi
}

inline make_plan()
{
	planned = layout
}

inline prepare()
{
	copied = bytes;
	has_copy = true
}

inline prepared_free()
{
	has_copy = false
}

/* One after the other: those that are not stopped yet go on meanwhile. */
inline stop(ok)
{
	i = 0;
	do
	:: i < THREADS -> stopped_[i] = true; i++
	:: else -> break
	od;
	if
	:: ok = true
	:: ok = false /* one did not stop in time */
	fi
}

inline renew_plan()
{
	if
	:: planned != layout -> prepared_free(); make_plan()
	:: else
	fi
}

/* A copy that is out of date goes. It is no step of its own: enter() is handed it as an errand. */
#define COMPARE                                                                                    \
	if                                                                                         \
	:: has_copy && copied != bytes -> prepared_free()                                          \
	:: else                                                                                    \
	fi

/* The thread that is lent starts the helper, and is given back as it was. The bytes are compared meanwhile. */
inline enter(ok)
{
#if !defined(LOOK_FIRST) && !defined(NO_LOOK)
	COMPARE;
#endif
	if
	:: ok = true
	:: ok = false
	fi
}

/* What was not prepared, or is out of date, is copied while nothing moves. */
inline copy_now()
{
	if
	:: !has_copy -> copied = bytes; has_copy = true
	:: else
	fi
}

/* The helper replaces the ranges one by one, and takes back what it has done if one fails. Then it seals them. */
inline change_make(ok)
{
	copy_now();
	i = 0;
	ok = true;
	do
	:: i < RANGES && ok ->
		if
		:: assert(planned == layout && copied == bytes); shown[i] = copied; replaced++; i++
		:: ok = false
		fi
	:: else -> break
	od;
	if
	:: !ok -> replaced = 0
	:: else ->
		i = 0;
		do
		:: i < RANGES ->
			if
			:: sealed_range[i] = true
			:: i > 0 /* after the commit point it cannot be taken back */
			fi;
			i++
		:: else -> break
		od
	fi
}

inline change_with(ok)
{
	enter(ok);
	if
	:: ok -> change_make(ok)
	:: else
	fi
}

/* A copy that does not get there is made again. */
inline change(ok)
{
	change_with(ok);
	if
	:: !ok && has_copy -> prepared_free(); change_with(ok)
	:: skip
	fi
}

inline leave()
{
	i = 0;
	do
	:: i < THREADS -> stopped_[i] = false; i++
	:: else -> break
	od
}

inline let_go(ok)
{
#ifdef NO_LEAVE
	if
	:: ok -> leave()
	:: else
	fi
#else
	leave()
#endif
}

inline change_stopped(ok)
{
#ifdef LOOK_FIRST
	renew_plan();
	COMPARE;
#endif
	stop(ok);
	or_dies();
	if
	:: ok && !dead ->
#if !defined(LOOK_FIRST) && !defined(NO_LOOK)
		renew_plan();
#endif
		or_dies();
		if
		:: !dead -> change(ok)
		:: else
		fi
	:: else
	fi;
	or_dies();
	let_go(ok || dead)
}

inline attempt(ok)
{
	make_plan();
	prepare();
	change_stopped(ok);
	prepared_free()
}

inline verify(ok)
{
#ifdef NO_VERIFY
	skip
#else
	ok = sealed_range[0] && sealed_range[1]
#endif
}

inline confirm(ok)
{
	verify(ok)
}

inline seal(ok)
{
	attempt(ok);
	if
	:: ok && !dead -> confirm(ok); success = ok; partly = !ok
	:: else
	fi
}

proctype tool()
{
	bool ok;
	byte i;

	seal(ok);
	if
	:: success -> assert(sealed_range[0] && sealed_range[1])
	:: !success && !partly && !dead -> assert(replaced == 0 && !sealed_range[0] && !sealed_range[1])
	:: else
	fi;
	assert(replaced == 0 || replaced == RANGES);
	assert(!stopped_[0] && !stopped_[1]);
	over = true
}

/* A thread stores and maps while it runs. What is replaced is read-only: a store there would fault. */
proctype thread(byte me)
{
	byte acts;

	do
	:: acts < ACTS && !over ->
		atomic {
			!stopped_[me] || over;
			acts++;
			if
			:: !over && replaced == 0 -> bytes++
			:: !over && replaced == 0 -> layout++
			:: else
			fi
		}
	:: else -> break
	od;
	assert(replaced == 0 || !over || shown[0] == shown[1])
}

init {
	atomic {
		run tool();
		run thread(0);
		run thread(1)
	}
}
