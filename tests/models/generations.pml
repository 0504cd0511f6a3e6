/* SPDX-License-Identifier: MIT */

/*
 * The life of a generation, as lib/generations.c has it, in all orders in which threads can take its steps. Spin looks for
 * a reader whose memory is gone, for memory that nobody reads and nobody gives back, and for a reader who goes back.
 *
 * One process replaces generations, the others acquire and release. A slot has one count for each of two ways, so that a
 * sum is read in two steps. A reader comes by one way and leaves by the other.
 *
 * With -DBROKEN the thread that gives memory back counts the readers first and then claims the slot. With -DONE_LOOK a
 * reader does not look a second time. With -DONE_COUNT a claim that is given up is not followed by another count.
 * Spin finds what is wrong with each.
 */

#define SLOTS	    2
#define READS	    1 /* how often each of two readers reads */
#define GENERATIONS 3 /* how many the updater makes after the first */

mtype = { free, newest, retired, claimed };

mtype state[SLOTS];
byte count[SLOTS * 2]; /* modulo 256, as in C */
byte number[SLOTS];    /* the generation that a slot holds */
bool mapped[SLOTS];
byte now;	       /* the slot of the newest generation */
byte latest;	       /* its number, once everybody may know it */

inline count_readers(counted, total)
{
	total = count[counted * 2];
	total = total + count[counted * 2 + 1];
}

inline give_back(given)
{
	assert(mapped[given]);
	mapped[given] = false;
	state[given] = free;
}

inline reclaim(place, readers)
{
	do
	:: true ->
		count_readers(place, readers);
		if
		:: readers != 0 -> break
		:: else
		fi;
		atomic {
			if
			:: state[place] == retired -> state[place] = claimed
			:: else -> break
			fi
		}
#ifdef BROKEN
		readers = 0;
#else
		count_readers(place, readers);
#endif
		if
		:: readers == 0 -> give_back(place); break
		:: else -> state[place] = retired
		fi;
#ifdef ONE_COUNT
		break
#endif
	od
}

inline leave(left, by, rest)
{
	atomic { count[left * 2 + by]-- }
	if
	:: state[left] == retired -> reclaim(left, rest)
	:: else
	fi
}

proctype reader(byte way)
{
	byte slot, sum, seen, last, reads;

	do
	:: reads < READS ->
		reads++;
		last = latest;
again:		slot = now;
		atomic { count[slot * 2 + way]++ }
#ifndef ONE_LOOK
		if
		:: now != slot -> leave(slot, way, sum); goto again
		:: else
		fi;
#endif
		/* The reader reads, at any time until it leaves. */
		assert(mapped[slot]);
		seen = number[slot];
		assert(seen >= last);
		assert(mapped[slot] && number[slot] == seen);
		leave(slot, 1 - way, sum)
	:: reads == READS -> break
	od
}

proctype updater()
{
	byte slot, old, sum, made = 1;

	do
	:: made <= GENERATIONS ->
		/* There is a free slot, or the updater makes one: here it waits. */
		atomic {
			if
			:: state[0] == free -> slot = 0
			:: state[1] == free -> slot = 1
			fi
		}
		made++;
		number[slot] = made;
		mapped[slot] = true;
		state[slot] = newest;
		old = now;
		now = slot;
		latest = made;
		state[old] = retired;
		reclaim(old, sum)
	:: else -> break
	od
}

init {
	byte slot;

	atomic {
		slot = 0;
		do
		:: slot < SLOTS -> state[slot] = free; slot++
		:: else -> break
		od;
		state[0] = newest;
		number[0] = 1;
		mapped[0] = true;
		now = 0;
		latest = 1;
		run updater();
		run reader(0);
		run reader(1)
	}
	/* All have ended: only the newest generation is left. */
	_nr_pr == 1;
	slot = 0;
	do
	:: slot < SLOTS ->
		assert(mapped[slot] == (slot == now));
		assert(state[slot] == (slot == now -> newest : free));
		slot++
	:: else -> break
	od
}
