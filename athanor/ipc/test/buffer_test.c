/*
 * Shared buffers: random parties against a model that knows only the rules, with a mapper that
 * keeps the page tables of all memories and refuses now and then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <ipc/buffer.h>

enum { PARTIES = 12, PLACES = 4 };

static uint64_t random_state;

static uint32_t random_below(uint32_t bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % bound;
}

/* --- The memories. --- */

static bool mapped[PARTIES][PLACES];
static enum buffer_access access_at[PARTIES][PLACES];
static bool refuses;
static struct buffer buffer;

static alka_status on_map(void *self, struct buffer *of, uint32_t who, uint64_t place,
                          enum buffer_access access) {
    (void)self;
    assert_ptr_equal(of, &buffer);
    if (refuses)
        return ALKA_E_OUT_OF_MEMORY;
    assert_false(mapped[who][place]);
    mapped[who][place] = true;
    access_at[who][place] = access;
    return ALKA_OK;
}

static void on_protect(void *self, struct buffer *of, uint32_t who, uint64_t place,
                       enum buffer_access access) {
    (void)self;
    (void)of;
    assert_true(mapped[who][place]);
    access_at[who][place] = access;
}

static void on_unmap(void *self, struct buffer *of, uint32_t who, uint64_t place) {
    (void)self;
    (void)of;
    assert_true(mapped[who][place]);
    mapped[who][place] = false;
}

static const struct buffer_mapper mapper = {on_map, on_protect, on_unmap, NULL};

/* What `who` can really do. */
static enum buffer_access real_access(uint32_t who) {
    enum buffer_access best = BUFFER_NO_ACCESS;
    for (uint32_t place = 0; place < PLACES; place++)
        if (mapped[who][place] && access_at[who][place] > best)
            best = access_at[who][place];
    return best;
}

static void begin(void) {
    memset(mapped, 0, sizeof mapped);
    refuses = false;
    buffer_init(&buffer, &mapper, NULL, 16, 0);
}

/* --- By hand. --- */

static void lending_for_reading_makes_everybody_a_reader(void **state) {
    (void)state;
    begin();
    assert_int_equal(buffer_place(&buffer, 0, 1), ALKA_OK);
    assert_int_equal(real_access(0), BUFFER_WRITE);
    assert_int_equal(buffer_lend(&buffer, 0, 1, BUFFER_READ), ALKA_OK);
    assert_int_equal(real_access(0), BUFFER_READ);
    assert_int_equal(buffer_place(&buffer, 1, 2), ALKA_OK);
    assert_int_equal(real_access(1), BUFFER_READ);
    assert_int_equal(buffer_lend(&buffer, 0, 2, BUFFER_WRITE), ALKA_E_BUFFER_STATE);
    assert_int_equal(buffer_lend(&buffer, 0, 1, BUFFER_READ), ALKA_E_BUFFER_STATE);
    assert_int_equal(buffer_lend(&buffer, 1, 2, BUFFER_READ), ALKA_E_HANDLE_RIGHTS);
    assert_int_equal(buffer_lend(&buffer, 0, 2, BUFFER_READ), ALKA_OK);
    assert_int_equal(buffer_return(&buffer, 1), ALKA_OK);
    assert_int_equal(real_access(1), BUFFER_NO_ACCESS);
    assert_int_equal(real_access(0), BUFFER_READ);
    assert_int_equal(buffer_return(&buffer, 2), ALKA_OK);
    assert_int_equal(real_access(0), BUFFER_WRITE);
    assert_int_equal(buffer_return(&buffer, 2), ALKA_E_HANDLE_RIGHTS);
}

static void lending_for_writing_takes_it_from_the_owner(void **state) {
    (void)state;
    begin();
    assert_int_equal(buffer_place(&buffer, 0, 1), ALKA_OK);
    assert_int_equal(buffer_lend(&buffer, 0, 1, BUFFER_WRITE), ALKA_OK);
    assert_int_equal(real_access(0), BUFFER_NO_ACCESS);
    assert_int_equal(buffer_place(&buffer, 1, 3), ALKA_OK);
    assert_int_equal(real_access(1), BUFFER_WRITE);
    assert_int_equal(buffer_lend(&buffer, 0, 2, BUFFER_READ), ALKA_E_BUFFER_STATE);
    assert_int_equal(buffer_give(&buffer, 0, 2), ALKA_E_BUFFER_STATE);
    assert_int_equal(buffer_recall(&buffer, 1, 1), ALKA_E_HANDLE_RIGHTS);
    assert_int_equal(buffer_recall(&buffer, 0, 2), ALKA_E_BUFFER_STATE);
    assert_int_equal(buffer_recall(&buffer, 0, BUFFER_NOBODY), ALKA_OK);
    assert_int_equal(real_access(0), BUFFER_WRITE);
    assert_int_equal(real_access(1), BUFFER_NO_ACCESS);
}

static void giving_leaves_nothing_behind(void **state) {
    (void)state;
    begin();
    assert_int_equal(buffer_place(&buffer, 0, 1), ALKA_OK);
    assert_int_equal(buffer_give(&buffer, 0, BUFFER_NOBODY), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(buffer_give(&buffer, 0, 0), ALKA_E_BUFFER_STATE);
    assert_int_equal(buffer_give(&buffer, 0, 3), ALKA_OK);
    assert_int_equal(real_access(0), BUFFER_NO_ACCESS);
    assert_int_equal(buffer_place(&buffer, 0, 1), ALKA_E_HANDLE_RIGHTS);
    assert_int_equal(buffer_access_of(&buffer, 3), BUFFER_WRITE);
    assert_false(buffer_forget(&buffer, 0));
    assert_true(buffer_forget(&buffer, 3));
}

static void a_refused_mapping_changes_nothing(void **state) {
    (void)state;
    begin();
    refuses = true;
    assert_int_equal(buffer_place(&buffer, 0, 1), ALKA_E_OUT_OF_MEMORY);
    refuses = false;
    assert_int_equal(buffer_displace(&buffer, 0), ALKA_E_BUFFER_STATE);
    assert_int_equal(buffer_place(&buffer, 0, 1), ALKA_OK);
    assert_int_equal(buffer_place(&buffer, 0, 2), ALKA_E_BUFFER_STATE);
    assert_int_equal(buffer_displace(&buffer, 0), ALKA_OK);
    assert_int_equal(buffer_place(&buffer, 0, BUFFER_NOWHERE), ALKA_E_BUFFER_STATE);
}

static void loans_are_limited(void **state) {
    (void)state;
    begin();
    for (uint32_t i = 0; i < BUFFER_LOANS_MAX; i++)
        assert_int_equal(buffer_lend(&buffer, 0, 1 + i, BUFFER_READ), ALKA_OK);
    assert_int_equal(buffer_lend(&buffer, 0, 1 + BUFFER_LOANS_MAX, BUFFER_READ),
                     ALKA_E_SERVICE_LIMIT);
    assert_int_equal(buffer_lend(&buffer, 0, BUFFER_NOBODY, BUFFER_READ), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(buffer_lend(&buffer, 0, 9, BUFFER_NO_ACCESS), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(buffer_lend(&buffer, 0, 9, (enum buffer_access)7), ALKA_E_SERVICE_ARGUMENT);
    assert_int_equal(buffer_place(&buffer, BUFFER_NOBODY, 0), ALKA_E_HANDLE_RIGHTS);
    assert_int_equal(buffer_return(&buffer, BUFFER_NOBODY), ALKA_E_HANDLE_RIGHTS);
    assert_int_equal(buffer_access_of(&buffer, BUFFER_NOBODY), BUFFER_NO_ACCESS);
    assert_false(buffer_forget(&buffer, BUFFER_NOBODY));
}

/* --- The model: an owner, and what everybody has borrowed. --- */

static uint32_t owner;
static enum buffer_access borrowed[PARTIES];
static bool placed[PARTIES];

static uint32_t model_loans(void) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < PARTIES; i++)
        count += borrowed[i] != BUFFER_NO_ACCESS;
    return count;
}

static bool model_lent_for_writing(void) {
    for (uint32_t i = 0; i < PARTIES; i++)
        if (borrowed[i] == BUFFER_WRITE)
            return true;
    return false;
}

static enum buffer_access model_access(uint32_t who) {
    if (who != owner)
        return borrowed[who];
    if (model_loans() == 0)
        return BUFFER_WRITE;
    return model_lent_for_writing() ? BUFFER_NO_ACCESS : BUFFER_READ;
}

static bool model_knows(uint32_t who) { return who == owner || borrowed[who] != BUFFER_NO_ACCESS; }

static void model_end_loan(uint32_t who) {
    borrowed[who] = BUFFER_NO_ACCESS;
    placed[who] = false;
}

static void check(void) {
    uint32_t writers = 0, readers = 0;
    for (uint32_t who = 0; who < PARTIES; who++) {
        assert_int_equal(buffer_access_of(&buffer, who), model_access(who));
        assert_int_equal(real_access(who), placed[who] ? model_access(who) : BUFFER_NO_ACCESS);
        writers += real_access(who) == BUFFER_WRITE;
        readers += real_access(who) == BUFFER_READ;
    }
    assert_true(writers <= 1);
    assert_true(writers == 0 || readers == 0);
}

static void step_lend(uint32_t who, uint32_t to) {
    enum buffer_access access = random_below(3) == 0 ? BUFFER_WRITE : BUFFER_READ;
    alka_status expected = ALKA_OK;
    if (who != owner)
        expected = ALKA_E_HANDLE_RIGHTS;
    else if (to == who || borrowed[to] != BUFFER_NO_ACCESS || model_lent_for_writing() ||
             (access == BUFFER_WRITE && model_loans() > 0))
        expected = ALKA_E_BUFFER_STATE;
    else if (model_loans() == BUFFER_LOANS_MAX)
        expected = ALKA_E_SERVICE_LIMIT;
    assert_int_equal(buffer_lend(&buffer, who, to, access), expected);
    if (expected == ALKA_OK)
        borrowed[to] = access;
}

static void step_place(uint32_t who) {
    alka_status expected = ALKA_OK;
    bool fails = random_below(4) == 0;
    refuses = fails;
    if (!model_knows(who))
        expected = ALKA_E_HANDLE_RIGHTS;
    else if (placed[who])
        expected = ALKA_E_BUFFER_STATE;
    else if (fails)
        expected = ALKA_E_OUT_OF_MEMORY;
    assert_int_equal(buffer_place(&buffer, who, random_below(PLACES)), expected);
    placed[who] |= expected == ALKA_OK;
}

static void step_displace(uint32_t who) {
    alka_status expected = ALKA_OK;
    if (!model_knows(who))
        expected = ALKA_E_HANDLE_RIGHTS;
    else if (!placed[who])
        expected = ALKA_E_BUFFER_STATE;
    assert_int_equal(buffer_displace(&buffer, who), expected);
    placed[who] = false;
}

static void step_give(uint32_t who, uint32_t to) {
    alka_status expected = ALKA_OK;
    if (who != owner)
        expected = ALKA_E_HANDLE_RIGHTS;
    else if (to == who || model_loans() > 0)
        expected = ALKA_E_BUFFER_STATE;
    assert_int_equal(buffer_give(&buffer, who, to), expected);
    if (expected != ALKA_OK)
        return;
    placed[who] = false;
    owner = to;
}

static void step_recall(uint32_t who, uint32_t from) {
    alka_status expected = ALKA_OK;
    if (who != owner)
        expected = ALKA_E_HANDLE_RIGHTS;
    else if (borrowed[from] == BUFFER_NO_ACCESS)
        expected = ALKA_E_BUFFER_STATE;
    assert_int_equal(buffer_recall(&buffer, who, from), expected);
    if (expected == ALKA_OK)
        model_end_loan(from);
}

static void step_forget(uint32_t who) {
    bool is_owner = who == owner;
    assert_int_equal(buffer_forget(&buffer, who), is_owner);
    model_end_loan(who);
    if (!is_owner)
        return;
    for (uint32_t i = 0; i < PARTIES; i++)
        model_end_loan(i);
    for (uint32_t i = 0; i < PARTIES; i++)
        assert_int_equal(real_access(i), BUFFER_NO_ACCESS);
    owner = random_below(PARTIES); /* a new buffer */
    buffer_init(&buffer, &mapper, NULL, 16, owner);
}

static void random_parties_match_the_model(void **state) {
    (void)state;
    begin();
    owner = 0;
    random_state = 4711;
    for (uint32_t step = 0; step < 200000; step++) {
        uint32_t who = random_below(2) != 0 ? owner : random_below(PARTIES);
        uint32_t other = random_below(PARTIES);
        uint32_t dice = random_below(100);
        if (dice < 30) {
            step_lend(who, other);
        } else if (dice < 65) {
            step_place(other);
        } else if (dice < 75) {
            alka_status expected =
                borrowed[other] == BUFFER_NO_ACCESS ? ALKA_E_HANDLE_RIGHTS : ALKA_OK;
            assert_int_equal(buffer_return(&buffer, other), expected);
            if (expected == ALKA_OK)
                model_end_loan(other);
        } else if (dice < 80) {
            step_displace(other);
        } else if (dice < 88) {
            step_give(who, other);
        } else if (dice < 98) {
            step_recall(who, other);
        } else {
            step_forget(who);
        }
        check();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lending_for_reading_makes_everybody_a_reader),
        cmocka_unit_test(lending_for_writing_takes_it_from_the_owner),
        cmocka_unit_test(giving_leaves_nothing_behind),
        cmocka_unit_test(a_refused_mapping_changes_nothing),
        cmocka_unit_test(loans_are_limited),
        cmocka_unit_test(random_parties_match_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
