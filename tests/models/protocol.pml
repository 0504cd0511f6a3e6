/* SPDX-License-Identifier: MIT */

/*
 * A publisher and a subscriber, as docs/PROTOCOL.md has them, with loss: either side may end at any moment, and begin
 * again. Spin looks for a subscriber that goes back to an older generation, for more than one descriptor on its way, for
 * an end that answers what was not sent, and for a subscriber that misses the last generation although both stay.
 *
 * The clock is set back by one at most once, between two publishers.
 *
 * With -DBROKEN the publisher sends whatever the subscriber does not have. With -DNO_ANSWER the subscriber does not answer
 * what it refuses.
 * Spin finds what is wrong with each.
 */

#define PUBLISHED 3 /* how many generations there are, in all */
#define LOSSES	  2

mtype = { subscribe, taken, generation, older };

chan to_publisher = [3] of { mtype, byte };
chan to_subscriber = [3] of { mtype, byte };

bool connected, published_all;
byte clock = 1;		/* the next number, if it is not lower than what the publisher gave */
byte published;		/* how many generations came */
byte newest;		/* of the publisher that is there; 0: none yet */
byte losses, set_back;
byte have;		/* what the subscriber has */

/* What the publisher knows of its client. */
byte sent;
bool wishes, awaits;

inline disconnect()
{
	atomic {
		connected = false;
		wishes = false;
		awaits = false;
		sent = 0;
		do
		:: to_publisher ? _, _
		:: else -> break
		od;
		do
		:: to_subscriber ? _, _
		:: else -> break
		od
	}
}

/* One publisher after the other. */
active proctype publisher()
{
	byte number;

begin:
	newest = 0;
	do
	/* The program publishes. */
	:: atomic { published < PUBLISHED ->
		newest = (clock > newest -> clock : newest + 1);
		clock = newest + 1;
		published++ }
	/* A message comes; the connection may be a new one. */
	:: atomic { connected && nempty(to_publisher) ->
		if
		:: to_publisher ? subscribe, number -> wishes = true; sent = number
		:: to_publisher ? taken, number -> assert(awaits && number == sent); awaits = false
		fi }
	/* It sends what the subscriber lacks. */
#ifdef BROKEN
	:: atomic { connected && wishes && !awaits && newest != 0 && sent != newest ->
#else
	:: atomic { connected && wishes && newest != 0 && sent > newest ->
		wishes = false;
		to_subscriber ! older, 0 }
	:: atomic { connected && wishes && !awaits && sent < newest ->
#endif
		assert(empty(to_subscriber));
		sent = newest;
		awaits = true;
		to_subscriber ! generation, newest }
	/* It ends, and another one takes its place. The clock may have been set back. */
	:: atomic { losses < LOSSES ->
		losses++;
		disconnect();
		if
		:: set_back == 0 && clock > 2 -> set_back = 1; clock = clock - 2
		:: true
		fi };
	   goto begin
	:: published == PUBLISHED && timeout -> break
	od
}

active proctype subscriber()
{
	byte number, refused;

	do
	/* It connects, or connects again. */
	:: atomic { !connected ->
		connected = true;
		to_publisher ! subscribe, have }
	:: atomic { connected && nempty(to_subscriber) ->
		if
		:: to_subscriber ? generation, number ->
			assert(number > have);
			if
			:: have = number; to_publisher ! taken, number
			/* It is too large, or something is lacking. */
#ifdef NO_ANSWER
			:: true
#else
			:: refused = number; to_publisher ! taken, number
#endif
			fi
		:: to_subscriber ? older, number -> skip
		fi }
	/* It ends the connection, and begins again with what it has. */
	:: atomic { connected && losses < LOSSES -> losses++; disconnect() }
	:: published == PUBLISHED && timeout -> break
	od;
	/* Nothing more happens: it has the newest, or one of a publisher whose clock was ahead, or has refused it. */
	assert(have >= newest || refused == newest)
}
