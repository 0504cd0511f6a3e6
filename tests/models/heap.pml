/* SPDX-License-Identifier: MIT */

/*
 * The life of a small object of a heap: its slot is taken, handed out, freed and taken again, while threads that need
 * no lock meet in a slab, the slab moves between lists, and the heap gives it another size or grows. Spin looks for a
 * slot that two callers have, for a secret that is still there after its free, for memory that nobody can get any
 * more, for a corruption that is not reported, and for a report that nobody gave a reason for.
 *
 * Steps of lib/heap-slab.c, lib/heap-supply.c, lib/heap-chunk.c, lib/heap-corrupt.c: an inline here is a function
 * there, and calls the others in the same order. tests/models/steps.py compares. (Large objects and those that
 * change their size are not in the model.)
 *
 * A slab has room for two small slots or one large slot, and a word of bits for each of its halves. A half has bytes
 * of an object, and a byte at its end, which is the canary where a slot ends.
 *
 * With -DFORK one thread forks at any moment between two calls: what follows is the life of the child, which the other
 * thread is not in, wherever it was. With -DMISTAKES one thread works, another one calls sealmem_heap_check(), and the
 * program makes one mistake at any moment: it writes where it has no object, or frees an object twice.
 *
 * With -DEARLY_PUT a slot is given back before it is wiped. With -DNO_CLASS a thread does not look whether the slab
 * has another size by now. With -DNO_LOOK a slab that is left is not searched for what has become free meanwhile. With
 * -DFORK and -DLATE_COUNT new objects come from a chunk before those who free them know it, and with -DFORK and
 * -DNO_MARK a lock does not say of which process it is. With -DMISTAKES and -DNO_ZEROES a new object is not looked at,
 * with -DTWO_STEPS a free looks for its bit and then clears it, with -DONCE the check believes what it sees at first,
 * and with -DNO_TAKE it does not take the free slot that it looks at. Spin finds what is wrong with each.
 */

#define SLABS	3 /* and the first is none */
#define SHARES	2
#ifndef CLASSES
#define CLASSES 2 /* with 1, threads can do more */
#endif
#define NONE	2
#define NUMBERS 2 /* of the head of a list: each is many states */
#define NOBODY	9
#ifndef ROUNDS
#define ROUNDS 1 /* how often a thread allocates */
#endif

#ifdef ONCE
#define TIMES 1
#else
#define TIMES 3
#endif

mtype = { nowhere, idle, held, listed };
mtype = { zero, secret, canary, wrong };

/* What is known of a slab. */
bool unused[SLABS * 2];
bool live[SLABS * 2];
byte class_[SLABS];
mtype place[SLABS] = nowhere;
byte next[SLABS], owner[SLABS], frees[SLABS];

/* What a thread has of the heap. */
byte hints[SHARES * CLASSES];
byte partial[SHARES * CLASSES];
byte number_of_head[SHARES * CLASSES];

/* What the lock guards. */
byte lock, count = 1, most = SLABS, fresh, fresh_end, spare;

mtype bytes[SLABS * 4] = zero;

/* What the program has: a class and 1 for each slot, and which halves are somebody's. */
byte object[SLABS * 2];
bool taken[SLABS * 2];

byte process = 1;
bool forked, broken, is_over;
bool mistaken, disturbed; /* by the program; the check, by somebody else */
byte twice = NOBODY; /* the object that is freed by mistake */
byte returned;	     /* how many of its frees came back */

#define first_byte(number, index)	 ((number) * 4 + (index) * 2)
#define last_byte(number, index, class) (first_byte(number, index) + 1 + (class) * 2)
#define count_of(class)			 (2 - (class))

/* A child takes the lock of its parent. Nobody else is in it, so it never waits. */
#ifdef NO_MARK
#define is_free (lock == 0)
#else
#define is_free (lock != process)
#endif
#define LOCK                                                                                       \
	if                                                                                         \
	:: atomic { is_free -> lock = process }                                                    \
	:: forked && !is_free -> assert(false)                                                     \
	fi
#define UNLOCK lock = 0

/* The process ends. Nobody is reported who has done nothing. */
inline heap_corrupt()
{
	atomic { assert(mistaken); broken = true };
	false
}

inline take_bit(bit_, was_set)
{
#ifdef TWO_STEPS
	was_set = bit_;
	bit_ = false;
#else
	atomic { was_set = bit_; bit_ = false };
#endif
}

inline put_bit(bit_)
{
	bit_ = true
}

inline wipe(from, to)
{
	d_step {
		b = from;
		do
		:: b <= to -> bytes[b] = zero; b++
		:: else -> break
		od;
		b = 0
	}
}

inline zeroes_seen(from, to)
{
	d_step {
		b = from;
		do
		:: b <= to && bytes[b] == zero -> b++
		:: else -> break
		od;
		changed = b <= to;
		b = 0
	}
}

inline move(moved, was, becomes, did)
{
	atomic {
		did = place[moved] == was;
		if
		:: did -> place[moved] = becomes
		:: else
		fi
	}
}

#define same_head(list) (partial[list] == first && number_of_head[list] == serial)
#define next_number(list) number_of_head[list] = (number_of_head[list] + 1) % NUMBERS

inline push(list, pushed)
{
	do
	:: atomic { first = partial[list]; serial = number_of_head[list] };
		next[pushed] = first;
		atomic {
			if
			:: same_head(list) -> partial[list] = pushed; next_number(list); first = 0; serial = 0; break
			:: else
			fi
		}
	od
}

inline pop(list, popped)
{
	do
	:: atomic { first = partial[list]; serial = number_of_head[list] };
		if
		:: first == 0 -> break
		:: else -> after = next[first]
		fi;
		atomic {
			if
			:: same_head(list) -> partial[list] = after; next_number(list); break
			:: else
			fi
		}
	od;
	atomic { popped = first; first = 0; serial = 0; after = 0 }
}

inline take_list(list, head)
{
	atomic { head = partial[list]; partial[list] = 0; next_number(list) }
}

inline heap_supply_offer(offered)
{
	seen_class = class_[offered];
	if
	:: seen_class != 0 ->
		move(offered, idle, listed, did);
		if
		:: did -> into = owner[offered] * CLASSES + seen_class - 1; push(into, offered)
		:: else
		fi
	:: else
	fi;
	atomic { seen_class = 0; into = 0; did = false }
}

inline has_unused(looked_at)
{
	some = unused[looked_at * 2];
	some = some || unused[looked_at * 2 + 1]
}

inline leave(left)
{
	if
	:: left != 0 ->
		move(left, held, idle, did);
#ifdef NO_LOOK
		some = false;
#else
		if
		:: did -> has_unused(left)
		:: else
		fi;
#endif
		if
		:: some -> some = false; heap_supply_offer(left)
		:: else
		fi
	:: else
	fi;
	did = false
}

inline hold(class, got)
{
	owner[got] = me;
	atomic { old = hints[me * CLASSES + class]; hints[me * CLASSES + class] = got };
	leave(old);
	old = 0
}

inline take_listed(class, shares, found)
{
	found = 0;
	s = 0;
	do
	:: s < shares && found == 0 -> pop(((me + s) % SHARES) * CLASSES + class, found); s++
	:: else -> s = 0; break
	od;
	if
	:: found != 0 -> move(found, listed, held, did)
	:: else
	fi;
	did = false
}

inline take_blank(found)
{
	if
	:: spare != 0 -> found = spare; spare = next[found]
	:: spare == 0 && fresh < fresh_end -> found = fresh; fresh++
	:: else -> found = 0
	fi
}

inline give_class(given, class)
{
	place[given] = held;
	class_[given] = class + 1;
	unused[given * 2] = true;
	unused[given * 2 + 1] = count_of(class) > 1
}

/* Word by word. A word in which no slot is has nothing to take. */
inline take_whole(whole, class, all)
{
	atomic { all = unused[whole * 2]; unused[whole * 2] = false };
	if
	:: all && count_of(class) > 1 ->
		atomic { all = unused[whole * 2 + 1]; unused[whole * 2 + 1] = false };
		if
		:: !all -> unused[whole * 2] = true
		:: else
		fi
	:: else
	fi
}

inline retire(retired, class, did_retire)
{
	take_whole(retired, class, did_retire);
	if
	:: did_retire ->
		class_[retired] = 0;
		place[retired] = nowhere;
		next[retired] = spare;
		spare = retired
	:: else
	fi
}

inline collect_list(list, class)
{
	take_list(list, one);
	do
	:: one != 0 ->
		following = next[one];
		retire(one, class, all_free);
		if
		:: !all_free -> push(list, one)
		:: else
		fi;
		one = following
	:: else -> atomic { following = 0; all_free = false }; break
	od
}

inline collect_class(class)
{
	s = 0;
	do
	:: s < SHARES ->
		atomic { old = hints[s * CLASSES + class]; hints[s * CLASSES + class] = 0 };
		leave(old);
		s++
	:: else -> atomic { s = 0; old = 0 }; break
	od;
	do
	:: s < SHARES -> collect_list(s * CLASSES + class, class); s++
	:: else -> s = 0; break
	od
}

inline heap_supply_collect()
{
	c = 0;
	do
	:: c < CLASSES -> collect_class(c); c++
	:: else -> c = 0; break
	od
}

/* Of what the kernel neither gives nor takes back nothing is used, and the heap does not grow any more. */
inline lose(lost)
{
	count = lost + 1;
	most = 0
}

inline map_chunk(mapped)
{
	if
	:: ok = true
	:: ok = false
	:: ok = false; lose(mapped)
	fi
}

inline make_known(chunk)
{
#ifdef LATE_COUNT
	skip
#else
	count = chunk + 1
#endif
}

inline make_available(chunk)
{
	fresh = chunk;
	fresh_end = chunk + 1;
#ifdef LATE_COUNT
	count = chunk + 1
#endif
}

inline add_chunk()
{
	added = count;
	map_chunk(added);
	if
	:: ok -> make_known(added); make_available(added)
	:: else
	fi;
	added = 0
}

inline heap_chunk_grow()
{
	if
	:: count < most -> add_chunk()
	:: else
	fi
}

inline take_any(class, found)
{
	take_listed(class, 1, found);
	if
	:: found == 0 ->
		take_blank(found);
		if
		:: found == 0 -> take_listed(class, SHARES, found)
		:: else -> give_class(found, class)
		fi
	:: else
	fi
}

/* Whether what was collected is enough is a question of numbers: here it is either. */
inline supply(class, found)
{
	take_any(class, found);
	if
	:: found == 0 ->
		heap_supply_collect();
		if
		:: heap_chunk_grow()
		:: skip
		fi;
		take_any(class, found)
	:: else
	fi
}

inline supply_locked(class, found)
{
	LOCK;
	supply(class, found);
	UNLOCK
}

inline heap_supply_refill(class, found)
{
	take_listed(class, SHARES, found);
	if
	:: found == 0 -> supply_locked(class, found)
	:: else
	fi;
	if
	:: found != 0 -> hold(class, found)
	:: else
	fi
}

inline heap_supply_hint(class, found)
{
	found = hints[me * CLASSES + class]
}

inline take_slot(slab, found)
{
	found = NONE;
	i = 0;
	do
	:: i < 2 && found == NONE ->
		atomic {
			if
			:: unused[slab * 2 + i] ->
				unused[slab * 2 + i] = false;
				found = i;
				disturbed = true;
				/* Who frees an object twice frees that of another one from now on. No heap can know. */
				is_over = is_over || twice == slab * 2 + i
			:: else
			fi
		};
		i++
	:: else -> i = 0; break
	od
}

inline take_from(slab, class)
{
	ok = false;
	index = NONE;
	if
	:: slab != 0 -> take_slot(slab, index)
	:: else
	fi;
	if
	:: index != NONE ->
#ifdef NO_CLASS
		ok = true
#else
		ok = class_[slab] == class + 1
#endif
	:: else
	fi;
	if
	:: index != NONE && !ok -> put_bit(unused[slab * 2 + index]); heap_supply_offer(slab)
	:: else
	fi
}

inline take(class)
{
	heap_supply_hint(class, number);
	do
	:: take_from(number, class);
		if
		:: ok -> break
		:: else -> heap_supply_refill(class, number)
		fi;
		if
		:: number == 0 -> break
		:: else
		fi
	od
}

inline set_size(class)
{
	bytes[last_byte(number, index, class)] = canary
}

/* What the program sees: memory that nobody else has, and in it nothing of anybody. It puts a secret there. */
inline hand_out(class)
{
	atomic {
		assert(!taken[number * 2 + index] || twice / 2 == number);
		assert(!class || !taken[number * 2 + 1] || twice / 2 == number);
		taken[number * 2 + index] = true;
		taken[number * 2 + 1] = taken[number * 2 + 1] || class;
		b = first_byte(number, index);
		do
		:: b < last_byte(number, index, class) ->
			assert(bytes[b] != secret && bytes[b] != canary);
			assert(bytes[b] == zero || !was_mistaken);
			bytes[b] = secret;
			b++
		:: else -> b = 0; break
		od;
		object[number * 2 + index] = class + 1
	}
}

inline heap_small_new(class)
{
	was_mistaken = mistaken;
	take(class);
	if
	:: ok ->
		assert(index < count_of(class));
#ifndef NO_ZEROES
		zeroes_seen(first_byte(number, index), last_byte(number, index, class));
		if
		:: changed -> heap_corrupt()
		:: else
		fi;
#endif
		set_size(class);
		atomic { put_bit(live[number * 2 + index]); disturbed = true };
		hand_out(class)
	:: else
	fi;
	atomic { number = 0; index = 0; was_mistaken = false }
}

inline find_live(slab, at)
{
	if
	:: slab >= count || class_[slab] == 0 || !live[slab * 2 + at] -> heap_corrupt()
	:: else
	fi
}

inline claim(slab, at, class)
{
	atomic { frees[slab]++; disturbed = true };
	take_bit(live[slab * 2 + at], did);
	if
	:: !did -> heap_corrupt()
	:: else -> did = false
	fi;
	if
	:: bytes[last_byte(slab, at, class)] != canary -> heap_corrupt()
	:: else
	fi
}

inline heap_small_free(slab, at, class)
{
	find_live(slab, at);
	claim(slab, at, class);
#ifndef EARLY_PUT
	wipe(first_byte(slab, at), last_byte(slab, at, class));
#endif
	atomic { put_bit(unused[slab * 2 + at]); disturbed = true };
#ifdef EARLY_PUT
	wipe(first_byte(slab, at), last_byte(slab, at, class));
#endif
	if
	:: place[slab] == idle -> heap_supply_offer(slab)
	:: else
	fi
}

/* Any object that the program has. From now on it has it no more. */
inline let_go()
{
	atomic {
		if
		:: object[2] != 0 -> number = 1; index = 0
		:: object[3] != 0 -> number = 1; index = 1
		:: object[4] != 0 -> number = 2; index = 0
		:: object[5] != 0 -> number = 2; index = 1
		:: else -> number = 0
		fi;
		if
		:: number != 0 ->
			kind = object[number * 2 + index] - 1;
			object[number * 2 + index] = 0;
			taken[number * 2 + index] = false;
			taken[number * 2 + 1] = taken[number * 2 + 1] && !kind
		:: else
		fi
	};
	if
	:: number != 0 ->
		heap_small_free(number, index, kind);
		atomic {
			returned = returned + (twice == number * 2 + index -> 1 : 0);
			assert(returned < 2 || is_over)
		}
	:: else
	fi;
	atomic { number = 0; index = 0; kind = 0 }
}

/* How often a wrong byte has to be seen. */
inline canary_changed(slab, at, class)
{
	before = frees[slab];
	t = 0;
	changed = false;
	do
	:: t < TIMES ->
		changed = live[slab * 2 + at];
		if
		:: changed -> changed = bytes[last_byte(slab, at, class)] != canary
		:: else
		fi;
		if
		:: changed -> changed = frees[slab] == before
		:: else
		fi;
		if
		:: changed -> t++
		:: else -> break
		fi
	:: else -> break
	od;
	atomic { t = 0; before = 0 }
}

inline zeroes_changed(slab, at, class)
{
	zeroes_seen(first_byte(slab, at), last_byte(slab, at, class));
#ifndef NO_TAKE
	if
	:: changed ->
		take_bit(unused[slab * 2 + at], did);
		changed = false;
		if
		:: did ->
			if
			:: class_[slab] == class + 1 -> zeroes_seen(first_byte(slab, at), last_byte(slab, at, class))
			:: else
			fi;
			put_bit(unused[slab * 2 + at]);
			did = false;
			heap_supply_offer(slab)
		:: else
		fi
	:: else
	fi
#endif
}

inline check_slot(slab, at, class)
{
	if
	:: live[slab * 2 + at] ->
		canary_changed(slab, at, class);
		if
		:: changed -> heap_corrupt()
		:: else
		fi
	:: else ->
		if
		:: unused[slab * 2 + at] ->
			zeroes_changed(slab, at, class);
			if
			:: changed -> heap_corrupt()
			:: else
			fi
		:: else
		fi
	fi
}

inline check_slots(slab, class)
{
	index = 0;
	do
	:: index < count_of(class) -> check_slot(slab, index, class); index++
	:: else -> index = 0; break
	od
}

inline check_slab(slab)
{
	kind = class_[slab];
	if
	:: kind != 0 -> kind--; check_slots(slab, kind)
	:: else ->
		zeroes_seen(slab * 4, slab * 4 + 3);
		if
		:: changed -> heap_corrupt()
		:: else
		fi
	fi;
	kind = 0
}

inline check_chunk(slab)
{
	if
	:: slab < fresh || slab >= fresh_end -> check_slab(slab)
	:: else
	fi
}

inline heap_small_check()
{
	number = 1;
	do
	:: number < count -> check_chunk(number); number++
	:: else -> number = 0; break
	od
}

#define LOCALS                                                                                     \
	byte number, index, kind, b, i, s, c, t, first, serial, after, into, old, one, following;  \
	byte added, before, seen_class, rounds;                                                    \
	bool ok, did, some, changed, all_free, was_mistaken

/* What others have left ends a thread: a child has only the one that forked, and a process that is over has none. */
#define is_gone(thread) (broken || is_over || (forked && (thread) == 0))

proctype user(byte me)
{
	LOCALS;

	{
		do
		:: rounds < ROUNDS ->
			rounds++;
#ifdef FORK
			if
			:: me == 1 && !forked -> atomic { forked = true; process = 2 }
			:: skip
			fi;
#endif
			if
			:: heap_small_new(0)
			:: CLASSES > 1 -> heap_small_new(1)
			fi;
			let_go()
		:: else -> break
		od
	} unless { is_gone(me) }
}

#define is_wrong(slab, at, class)                                                                    \
	(live[(slab) * 2 + (at)] && bytes[last_byte(slab, at, class)] != canary) ||                    \
		(unused[(slab) * 2 + (at)] && bytes[last_byte(slab, at, class)] == wrong) ||           \
		(unused[(slab) * 2 + (at)] && bytes[first_byte(slab, at)] == wrong)

/* A check that nobody disturbs says the truth. */
proctype checker()
{
	byte me = 1;
	LOCALS;

	{
		LOCK;
		disturbed = false;
		heap_small_check();
		atomic {
			if
			:: !disturbed ->
				assert(class_[1] != 1 || !(is_wrong(1, 0, 0) || is_wrong(1, 1, 0)));
				assert(class_[1] != 2 || !(is_wrong(1, 0, 1)))
			:: else
			fi
		};
		UNLOCK
	} unless { is_gone(me) }
}

/* It writes where it has no object, or frees one that somebody else frees, too. */
proctype mistake()
{
	byte me = 1;
	LOCALS;

	{
		if
		:: atomic { number = 4; mistaken = true; disturbed = true; bytes[number] = wrong }
		:: atomic { number = 5; mistaken = true; disturbed = true; bytes[number] = wrong }
		:: atomic { number = 7; mistaken = true; disturbed = true; bytes[number] = wrong }
		:: atomic { object[2] != 0 -> mistaken = true; twice = 2; kind = object[2] - 1 };
			heap_small_free(1, 0, kind);
			atomic { returned++; assert(returned < 2 || is_over) }
		:: skip
		fi
	} unless { is_gone(me) }
}

init {
	byte n, me;

	atomic {
#ifndef FORK
		fresh = 1;
		fresh_end = 2;
		count = 2;
#endif
		run user(0);
#ifdef MISTAKES
		run checker();
		run mistake()
#else
		run user(1)
#endif
	}
	_nr_pr == 1;
	/* All have ended: what the program has not is wiped, and free, and is available again. */
	atomic {
		n = 2;
		do
		:: n < SLABS * 2 && !mistaken && !forked ->
			assert(taken[n] || (bytes[n * 2] == zero && bytes[n * 2 + 1] == zero));
			assert(!unused[n] || !live[n]);
			assert(class_[n / 2] == 0 || place[n / 2] != idle || !unused[n]);
			n++
		:: else -> break
		od
	}
}
