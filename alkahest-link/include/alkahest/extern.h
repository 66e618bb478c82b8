/*
 * What instances import from and export to each other and the host (specification 4.2.11):
 * functions, tables, memories, globals as they are at run time.
 */
#ifndef ALKAHEST_EXTERN_H
#define ALKAHEST_EXTERN_H

#include <alkahest/abi.h>
#include <alkahest/code.h>
#include <alkahest/crucible.h>

/*
 * Host functions. A type is written as letters, one per parameter or result: i i32, I i64, f f32,
 * F f64, v v128, r funcref, e externref: any word but those that alka_i31_word takes.
 *
 * A direct function is a plain System V function of at most five i/I parameters and at most one
 * i/I result; it gets the caller's context as one more, trailing parameter:
 *     uint32_t sys_log(uint32_t text, uint32_t bytes, struct alka_context *caller);
 * A value function handles every type: `values` holds the parameters and receives the results, 8
 * bytes each (v128: 16), i32 and f32 in the low half, floats as bits.
 *
 * Both run on the caller's control stack with the room that the thread promises. To trap the caller
 * they call alka_trap_raise and return. They may call module code with alka_call.
 */
typedef void alka_direct_fn(void);
typedef void alka_value_fn(struct alka_context *caller, uint64_t *values);

struct alka_host_func {
    const char *params, *results;
    alka_direct_fn *direct; /* cast with ALKA_DIRECT; NULL: */
    alka_value_fn *values;  /* this one is used */
};

#define ALKA_DIRECT(function) ((alka_direct_fn *)(function))
#define ALKA_DIRECT_PARAMS_MAX 5u

/* A user's views of a memory or table; the runtime rewrites all of them when it grows. */
struct alka_use {
    struct alka_use *next;
    struct alka_view *view;
    struct alka_context *context; /* whose memory 0 it is; NULL: another memory, a table */
};

struct alka_memory {
    const struct alka_crucible *crucible;
    struct alka_host_addr base;
    uint64_t pages;       /* of 64 KiB, now */
    uint64_t max_pages;   /* as declared; UINT64_MAX: none */
    uint64_t limit_pages; /* what it may grow to, whatever is declared */
    uint64_t committed_bytes;
    uint64_t reserve_bytes; /* address space from base on */
    bool is_64, is_shared;
    uint32_t lock;               /* of a shared one: guards everything that changes; memory.c */
    bool is_wrapped;             /* committed to a power of two: some user masks its indices */
    struct alka_instance *owner; /* NULL: the host */
    struct alka_use *uses;
};

struct alka_table {
    const struct alka_crucible *crucible;
    void *entries;      /* struct alka_table_entry for function references, uint64_t for others */
    uint64_t size, max; /* entries; max as declared, UINT64_MAX: none */
    uint64_t limit;     /* what it may grow to */
    size_t held_bytes;  /* pages behind `entries` that it owns; 0: they are its owner's */
    alka_valtype type;
    bool is_64;
    struct alka_instance *owner; /* NULL: the host */
    struct alka_use *uses;
};

struct alka_global {
    alka_valtype type;
    bool is_mutable;
    uint64_t *cell; /* 8 bytes; v128 16, aligned. A host's cell outlives its importers */
};

/* A tag's identity is its serial number: one per registry, never reused. */
struct alka_tag {
    uint64_t serial;
    const struct alka_functype *type; /* parameters: what its exceptions carry */
    uint32_t type_id;                 /* canonical */
};

/* What a gate does when its callee traps, is killed or gone, or must not be called. */
enum alka_gate_policy {
    ALKA_GATE_TRAPS, /* the caller traps with it */
    /* The caller goes on: `gate_error` is its result if that is an integer, 0 any other. Only for
     * functions of one result at most, which is no reference. alka_call_error says what it was. */
    ALKA_GATE_RETURNS
};

struct alka_extern {
    enum alka_extern_kind kind;
    enum alka_gate_policy gate_policy; /* FUNC of an instance */
    /* Kept alive as long as somebody imports it; NULL: the host keeps the thing alive. */
    struct alka_instance *owner;
    union {
        const struct alka_func *func; /* FUNC of an instance */
        struct alka_host_func host;   /* FUNC of the host: owner is NULL */
        struct alka_table *table;
        struct alka_memory *memory;
        struct alka_global global;
        const struct alka_tag *tag;
    };
    uint64_t gate_error;     /* RETURNS; an i32 zero-extended */
    uint32_t gate_depth_max; /* FUNC of an instance: struct alka_import_record */
};

#endif
