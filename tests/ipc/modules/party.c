/*
 * One of many who send to the channel `work`, and receive from it. Messages are {sender's number,
 * serial number}; a receiver sees each sender's in ascending order, whoever else receives.
 */
#include <athanor.h>

enum { SENDERS = 8, MESSAGES = 2000 };

struct note {
    uint32_t sender, serial;
    uint64_t filling[7];
};

struct tally {
    uint64_t received, sum;
    uint32_t next[SENDERS];
    int32_t error;
};
static struct tally tallies[2];

/* The thread's number comes in a message of the channel `numbers`: each number once. */
static int32_t my_number(uint32_t *out) {
    athanor_handle numbers;
    struct athanor_received received;
    int32_t status = athanor_open_name("numbers", &numbers);
    return status ? status
                  : athanor_channel_receive(numbers, out, sizeof *out, &received, ATHANOR_FOREVER);
}

static int32_t send_all(void) {
    athanor_handle work;
    struct note note = {0};
    int32_t status = my_number(&note.sender);
    if (status == 0)
        status = athanor_open_name("work", &work);
    for (note.serial = 0; status == 0 && note.serial < MESSAGES; note.serial++)
        status = athanor_channel_send(work, &note, sizeof note, ATHANOR_FOREVER);
    return status;
}
ATHANOR_EXPORT("send_a") int32_t send_a(void) { return send_all(); }
ATHANOR_EXPORT("send_b") int32_t send_b(void) { return send_all(); }

static int32_t receive_all(struct tally *tally) {
    athanor_handle work;
    struct note note;
    struct athanor_received received;
    int32_t status = athanor_open_name("work", &work);
    while (status == 0) {
        status = athanor_channel_receive(work, &note, sizeof note, &received, ATHANOR_FOREVER);
        if (status != 0)
            break;
        if (received.size != sizeof note || note.sender >= SENDERS ||
            note.serial < tally->next[note.sender]) {
            tally->error = 1;
            return 1;
        }
        tally->next[note.sender] = note.serial + 1;
        tally->received++;
        tally->sum += note.sender * 100000 + note.serial;
    }
    return status;
}
ATHANOR_EXPORT("receive_a") int32_t receive_a(void) { return receive_all(&tallies[0]); }
ATHANOR_EXPORT("receive_b") int32_t receive_b(void) { return receive_all(&tallies[1]); }

ATHANOR_EXPORT("received") int32_t received(void) {
    return (int32_t)(tallies[0].received + tallies[1].received);
}
ATHANOR_EXPORT("sum") int32_t sum(void) { return (int32_t)(tallies[0].sum + tallies[1].sum); }
ATHANOR_EXPORT("errors") int32_t errors(void) { return tallies[0].error + tallies[1].error; }

/* Hands out the numbers; once. */
ATHANOR_EXPORT("number") int32_t number(void) {
    athanor_handle numbers;
    int32_t status = athanor_open_name("numbers", &numbers);
    for (uint32_t i = 0; status == 0 && i < SENDERS; i++)
        status = athanor_channel_send(numbers, &i, sizeof i, 0);
    return status;
}
