/*
 * Works beside the victims and with them, and must never see anything wrong: messages that are not
 * whole, lost, doubled or out of order, buffers with somebody else's bytes, memory that does not
 * come back. Each role is an export that does not return; several modules are made of this file.
 */
#include "common.h"

TALLY

enum { SENDS, RECEIVES, PUBLISHES, LISTENS, CATCHES, FEEDS, GOSSIPS, ALLOCATES };

static struct place places[2] ATHANOR_BUFFER_PLACE; /* one each for who catches and who feeds */
static struct place scratch ATHANOR_BUFFER_PLACE;

static athanor_handle opened(const char *name) {
    athanor_handle handle = ATHANOR_NO_HANDLE;
    return athanor_open_name(name, &handle) == 0 ? handle : ATHANOR_NO_HANDLE;
}

/* Whose numbers these are: each life of a sender begins anew. */
static uint32_t life(void) {
    uint32_t word;
    athanor_random(&word, sizeof word);
    return word;
}

ATHANOR_EXPORT("send") void send(void) {
    athanor_handle steady = opened("steady");
    uint32_t mine = life();
    for (uint32_t number = 0;; number++) {
        struct note note = note_make(NOTE_PLAIN, number, mine);
        EXPECT(SENDS, athanor_channel_send(steady, &note, sizeof note, ATHANOR_FOREVER) == 0);
        tally.rounds[SENDS]++;
    }
}

ATHANOR_EXPORT("publish") void publish(void) {
    athanor_handle beat = opened("beat");
    uint32_t mine = life();
    for (uint32_t number = 0;; number++) {
        struct note note = note_make(NOTE_PLAIN, number, mine);
        EXPECT(PUBLISHES, athanor_topic_publish(beat, &note, sizeof note, ATHANOR_FOREVER) == 0);
        tally.rounds[PUBLISHES]++;
        athanor_yield();
    }
}

/* Whole, and the next one of its sender's life. */
static void follow(uint32_t role, athanor_handle channel) {
    uint64_t sender = 0;
    for (uint32_t next = 0;; next++) {
        struct note note;
        struct athanor_received received;
        EXPECT(role, athanor_channel_receive(channel, &note, sizeof note, &received,
                                             ATHANOR_FOREVER) == 0);
        EXPECT(role, note_is_whole(&note, &received));
        if (note.handle != sender) { /* of another one the first messages may have gone by */
            sender = note.handle;
            next = note.number;
        }
        EXPECT(role, note.number == next && received.missed == 0);
        tally.rounds[role]++;
    }
}

ATHANOR_EXPORT("receive") void receive(void) { follow(RECEIVES, opened("steady")); }

ATHANOR_EXPORT("listen") void listen(void) {
    athanor_handle channel = ATHANOR_NO_HANDLE;
    EXPECT(LISTENS, athanor_topic_subscribe(opened("beat"), ATHANOR_BLOCKS, 4, &channel) == 0);
    follow(LISTENS, channel);
}

/* What victims publish: whole, if nothing else. */
ATHANOR_EXPORT("gossip") void gossip(void) {
    athanor_handle channel = ATHANOR_NO_HANDLE;
    EXPECT(GOSSIPS, athanor_topic_subscribe(opened("gossip"), ATHANOR_DROPS, 4, &channel) == 0);
    for (;;) {
        struct note note;
        struct athanor_received received;
        EXPECT(GOSSIPS, athanor_channel_receive(channel, &note, sizeof note, &received,
                                                ATHANOR_FOREVER) == 0);
        EXPECT(GOSSIPS, note_is_whole(&note, &received));
        tally.rounds[GOSSIPS]++;
    }
}

/* A loan of a victim's, which may end at any moment: then the module's own pages are there. */
static void look_at_loan(const struct note *note, struct place *place) {
    if (athanor_buffer_place(note->handle, place) == 0) {
        if (note->kind == NOTE_READ)
            EXPECT(CATCHES, place_wrong(place, note->number) == 0);
        else
            place_fill(place, OWN_WORD);
        (void)athanor_buffer_displace(note->handle);
    }
    (void)athanor_buffer_return(note->handle);
    EXPECT(CATCHES, place->words[0] == OWN_WORD && place->words[PAGE_WORDS + 7] == OWN_WORD);
}

ATHANOR_EXPORT("catch") void catch (void) {
    athanor_handle risky = opened("risky");
    place_fill(&places[0], OWN_WORD);
    for (;;) {
        struct note note;
        struct athanor_received received;
        EXPECT(CATCHES,
               athanor_channel_receive(risky, &note, sizeof note, &received, ATHANOR_FOREVER) == 0);
        EXPECT(CATCHES, note_is_whole(&note, &received));
        for (uint32_t i = 0; i < received.handle_count; i++)
            if (received.handles[i] != ATHANOR_NO_HANDLE)
                (void)athanor_close(received.handles[i]);
        if (note.kind != NOTE_PLAIN)
            look_at_loan(&note, &places[0]);
        tally.rounds[CATCHES]++;
    }
}

/* A buffer that was made just now is clear, whosever pages it is of. */
static athanor_handle new_buffer(uint32_t role, struct place *place, uint32_t seed) {
    athanor_handle buffer;
    if (athanor_buffer_create(BUFFER_PAGES, &buffer) != 0)
        return ATHANOR_NO_HANDLE; /* the machine's memory may be out */
    EXPECT(role, athanor_buffer_place(buffer, place) == 0);
    uint32_t any = 0;
    for (uint32_t i = 0; i < BUFFER_PAGES * PAGE_WORDS; i++)
        any |= *(volatile uint32_t *)&place->words[i];
    EXPECT(role, any == 0);
    place_fill(place, seed);
    EXPECT(role, athanor_buffer_displace(buffer) == 0);
    EXPECT(role, place->words[0] == OWN_WORD && place->words[PAGE_WORDS] == OWN_WORD);
    return buffer;
}

/* Lent for reading it is what it was; lent for writing, whatever it is, it comes back. */
static void feed_loan(athanor_handle feed, athanor_handle victim, uint32_t number) {
    athanor_handle buffer = new_buffer(FEEDS, &places[1], number), over_there;
    enum athanor_access access = number % 8 == 0 ? ATHANOR_FOR_WRITING : ATHANOR_FOR_READING;
    if (buffer == ATHANOR_NO_HANDLE)
        return;
    if (athanor_buffer_lend(buffer, victim, access, &over_there) == 0) {
        struct note note =
            note_make(access == ATHANOR_FOR_WRITING ? NOTE_WRITE : NOTE_READ, number, over_there);
        (void)athanor_channel_send(feed, &note, sizeof note, athanor_clock_ns() + 1000000);
        athanor_yield();
    }
    EXPECT(FEEDS, athanor_buffer_recall(buffer, ATHANOR_NO_HANDLE) == 0);
    EXPECT(FEEDS, athanor_buffer_place(buffer, &places[1]) == 0);
    EXPECT(FEEDS, access == ATHANOR_FOR_WRITING ||
                      (places[1].words[5] != OWN_WORD && place_wrong(&places[1], number) == 0));
    EXPECT(FEEDS, athanor_close(buffer) == 0);
    EXPECT(FEEDS, places[1].words[0] == OWN_WORD);
}

ATHANOR_EXPORT("feed") void feed(void) {
    athanor_handle channel = opened("feed"), victims[] = {opened("hostage"), opened("ghost")};
    place_fill(&places[1], OWN_WORD);
    for (uint32_t number = 1;; number++) {
        if (number % 4 == 0) {
            feed_loan(channel, victims[number / 4 % 2], number);
        } else {
            struct note note = note_make(NOTE_PLAIN, number, 0);
            (void)athanor_channel_send(channel, &note, sizeof note, athanor_clock_ns() + 1000000);
        }
        tally.rounds[FEEDS]++;
    }
}

/* Things of all kinds come and go. */
ATHANOR_EXPORT("allocate") void allocate(void) {
    place_fill(&scratch, OWN_WORD);
    for (uint32_t number = 1;; number++) {
        athanor_handle buffer = new_buffer(ALLOCATES, &scratch, number), channel, event, derived;
        if (buffer != ATHANOR_NO_HANDLE)
            EXPECT(ALLOCATES, athanor_close(buffer) == 0);
        if (athanor_channel_create(sizeof(struct note), 2, &channel) == 0) {
            struct note note = note_make(NOTE_PLAIN, number, 0), back;
            struct athanor_received received;
            EXPECT(ALLOCATES, athanor_channel_send(channel, &note, sizeof note, 0) == 0);
            EXPECT(ALLOCATES,
                   athanor_channel_receive(channel, &back, sizeof back, &received, 0) == 0);
            EXPECT(ALLOCATES, note_is_whole(&back, &received) && back.number == number);
            EXPECT(ALLOCATES, athanor_close(channel) == 0);
        }
        if (athanor_event_create(&event) == 0) {
            EXPECT(ALLOCATES, athanor_derive(event, ATHANOR_WRITE, &derived) == 0);
            EXPECT(ALLOCATES, athanor_close(event) == 0);
            EXPECT(ALLOCATES, athanor_event_signal(derived, 1) == ATHANOR_STALE);
        }
        tally.rounds[ALLOCATES]++;
        athanor_yield();
    }
}
