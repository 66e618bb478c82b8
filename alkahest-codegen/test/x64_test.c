/*
 * x64.h against a disassembler that was not written here: what we encode must read as what we
 * meant, to its last byte. One line per form, and all registers in all places where their numbers
 * change the encoding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "x64.h"
#include <capstone/capstone.h>

static csh engine;

static int setup(void **state) {
    (void)state;
    return cs_open(CS_ARCH_X86, CS_MODE_64, &engine) == CS_ERR_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    return cs_close(&engine) == CS_ERR_OK ? 0 : -1;
}

static uint8_t room[256 + 64]; /* backward jumps need something behind them */
static uint8_t *const code = room + 256;
static struct x64 x;

static void reads_as(const char *wanted) {
    size_t bytes = (size_t)(x.at - code);
    cs_insn *insn;
    size_t count = cs_disasm(engine, code, bytes, 0, 1, &insn);
    if (!count)
        fail_msg("no instruction; wanted %s", wanted);
    char text[256];
    snprintf(text, sizeof text, "%s%s%s", insn->mnemonic, insn->op_str[0] ? " " : "", insn->op_str);
    size_t read = insn->size;
    cs_free(insn, count);
    assert_string_equal(text, wanted);
    assert_int_equal(read, bytes);
    assert_true(bytes < X64_MOST_BYTES);
}

#define READS_AS(wanted, call) \
    do {                       \
        x.at = code;           \
        call;                  \
        reads_as(wanted);      \
    } while (0)

#define G(name) X64_GPR(name)
#define X(n) ((struct x64_xmm){n})
#define RG(name) x64_rm_gpr(X64_GPR(name))
#define RX(n) x64_rm_xmm(X(n))

static const char *const names64[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                      "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
static const char *const names32[] = {"eax", "ecx", "edx",  "ebx",  "esp",  "ebp",  "esi",  "edi",
                                      "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d"};
static const char *const names8[] = {"al",  "cl",  "dl",   "bl",   "spl",  "bpl",  "sil",  "dil",
                                     "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b"};

static void every_register_pair(void **state) {
    (void)state;
    char text[64];
    for (uint8_t a = 0; a < 16; a++)
        for (uint8_t b = 0; b < 16; b++) {
            struct x64_gpr to = {a}, from = {b};
            snprintf(text, sizeof text, "add %s, %s", names32[a], names32[b]);
            READS_AS(text, x64_gg(&x, X64_ADD, to, from));
            snprintf(text, sizeof text, "imul %s, %s", names64[a], names64[b]);
            READS_AS(text, x64_gg(&x, X64_IMUL | X64_W, to, from));
            snprintf(text, sizeof text, "movzx %s, %s", names32[a], names8[b]);
            READS_AS(text, x64_gg(&x, X64_MOVZX8, to, from));
            snprintf(text, sizeof text, "movsx %s, %s", names64[a], names8[b]);
            READS_AS(text, x64_gg(&x, X64_MOVSX8 | X64_W, to, from));
            snprintf(text, sizeof text, "addsd xmm%u, xmm%u", a, b);
            READS_AS(text, x64_xx(&x, X64_ADDF | X64_F2, X(a), X(b)));
            snprintf(text, sizeof text, "cvtsi2sd xmm%u, %s", a, names64[b]);
            READS_AS(text, x64_x(&x, X64_CVT_I_F | X64_F2 | X64_W, X(a), x64_rm_gpr(from)));
            snprintf(text, sizeof text, "movq xmm%u, %s", a, names64[b]);
            READS_AS(text, x64_x(&x, X64_MOVD_X_G | X64_W, X(a), x64_rm_gpr(from)));
            snprintf(text, sizeof text, "shlx %s, %s, %s", names32[a], names32[b], names32[a]);
            READS_AS(text, x64_vg(&x, X64_SHLX, to, to, x64_rm_gpr(from)));
        }
}

static void memory_text(char *text, size_t size, const char *op, uint8_t base, uint8_t index,
                        unsigned scale, int32_t disp) {
    char parts[64] = "", offset[24] = "";
    if (index != 4)
        snprintf(parts, sizeof parts, scale ? " + %s*%u" : " + %s", names64[index], 1u << scale);
    if (disp)
        snprintf(offset, sizeof offset, disp > 9 || disp < -9 ? " %c 0x%x" : " %c %u",
                 disp < 0 ? '-' : '+', (unsigned)(disp < 0 ? -(int64_t)disp : disp));
    snprintf(text, size, "%s[%s%s%s]", op, names64[base], parts, offset);
}

static void every_memory_form(void **state) {
    (void)state;
    static const int32_t disps[] = {0, 1, -8, 127, 128, -128, -129, INT32_MAX, INT32_MIN + 1};
    char text[96];
    for (uint8_t base = 0; base < 16; base++)
        for (unsigned d = 0; d < sizeof disps / sizeof disps[0]; d++) {
            struct x64_gpr reg = {base};
            memory_text(text, sizeof text, "mov r9, qword ptr ", base, 4, 0, disps[d]);
            READS_AS(text, x64_g(&x, X64_MOV | X64_W, G(R9), x64_mem(reg, disps[d])));
            for (uint8_t index = 0; index < 16; index++) {
                if (index == X64_RSP)
                    continue;
                unsigned scale = (base + index) & 3;
                struct x64_rm rm = x64_mem_index(reg, (struct x64_gpr){index}, scale, disps[d]);
                memory_text(text, sizeof text, "lea ecx, ", base, index, scale, disps[d]);
                READS_AS(text, x64_g(&x, X64_LEA, G(RCX), rm));
            }
        }
    READS_AS("lea eax, [rdi*8]", x64_g(&x, X64_LEA, G(RAX), x64_mem_scaled(G(RDI), 3, 0)));
    READS_AS("lea rax, [r13*4 + 0x10]",
             x64_g(&x, X64_LEA | X64_W, G(RAX), x64_mem_scaled(G(R13), 2, 16)));
    READS_AS("movsd xmm9, qword ptr [rip + 0x40]", x64_x(&x, X64_MOVSD, X(9), x64_mem_rip(64)));
}

static void integer_forms(void **state) {
    (void)state;
    READS_AS("add eax, 7", x64_alu_imm(&x, X64_ADD, RG(RAX), 7));
    READS_AS("sub r12, 0x1000", x64_alu_imm(&x, X64_SUB | X64_W, RG(R12), 4096));
    READS_AS("cmp dword ptr [rbp - 4], -1", x64_alu_imm(&x, X64_CMP, x64_mem(G(RBP), -4), -1));
    READS_AS("test esi, esi", x64_gg(&x, X64_TEST, G(RSI), G(RSI)));
    READS_AS("test ecx, 0x100", x64_n_i32(&x, X64_TEST_IMM, 0, RG(RCX), 256));
    READS_AS("xchg rdi, r8", x64_gg(&x, X64_XCHG | X64_W, G(R8), G(RDI)));
    READS_AS("mov byte ptr [r15 + rdi], sil",
             x64_g(&x, X64_MOV_STORE8, G(RSI), x64_mem_index(G(R15), G(RDI), 0, 0)));
    READS_AS("mov word ptr [r15 + r8], ax",
             x64_g(&x, X64_MOV_STORE16, G(RAX), x64_mem_index(G(R15), G(R8), 0, 0)));
    READS_AS("mov byte ptr [rbp], 5", x64_n_i8(&x, X64_MOV_IMM8, 0, x64_mem(G(RBP), 0), 5));
    READS_AS("mov qword ptr [rbp + 8], -1",
             x64_n_i32(&x, X64_MOV_IMM | X64_W, 0, x64_mem(G(RBP), 8), -1));
    READS_AS("movsxd rax, dword ptr [r15 + rcx]",
             x64_g(&x, X64_MOVSXD, G(RAX), x64_mem_index(G(R15), G(RCX), 0, 0)));
    READS_AS("movzx r10d, word ptr [r15]", x64_g(&x, X64_MOVZX16, G(R10), x64_mem(G(R15), 0)));
    READS_AS("movsx rdx, cx", x64_gg(&x, X64_MOVSX16 | X64_W, G(RDX), G(RCX)));
    READS_AS("imul eax, edi, 0x64", x64_g_i8(&x, X64_IMUL_IMM8, G(RAX), RG(RDI), 100));
    READS_AS("div rcx", x64_n(&x, X64_UNARY | X64_W, 6, RG(RCX)));
    READS_AS("idiv dword ptr [rbp + 0x10]", x64_n(&x, X64_UNARY, 7, x64_mem(G(RBP), 16)));
    READS_AS("mul r9", x64_n(&x, X64_UNARY | X64_W, 4, RG(R9)));
    READS_AS("cdq", x64_cdq(&x, false));
    READS_AS("cqo", x64_cdq(&x, true));
    READS_AS("shl edx, cl", x64_n(&x, X64_SHIFT_CL, X64_SHL, RG(RDX)));
    READS_AS("ror r11, 0x3f", x64_n_i8(&x, X64_SHIFT_IMM | X64_W, X64_ROR, RG(R11), 63));
    READS_AS("setb sil", x64_n(&x, X64_SETCC + X64_B, 0, RG(RSI)));
    READS_AS("setg al", x64_n(&x, X64_SETCC + X64_G, 0, RG(RAX)));
    READS_AS("cmovne rax, qword ptr [rbp]",
             x64_g(&x, (X64_CMOV + X64_NE) | X64_W, G(RAX), x64_mem(G(RBP), 0)));
    READS_AS("bsr eax, r9d", x64_gg(&x, X64_BSR, G(RAX), G(R9)));
    READS_AS("bsf rcx, rdi", x64_gg(&x, X64_BSF | X64_W, G(RCX), G(RDI)));
    READS_AS("lzcnt r8, rax", x64_gg(&x, X64_LZCNT | X64_W, G(R8), G(RAX)));
    READS_AS("tzcnt eax, ebx", x64_gg(&x, X64_TZCNT, G(RAX), G(RBX)));
    READS_AS("popcnt r14, r13", x64_gg(&x, X64_POPCNT | X64_W, G(R14), G(R13)));
    READS_AS("btc rax, 0x3f", x64_n_i8(&x, X64_BT_IMM | X64_W, 7, RG(RAX), 63));
    READS_AS("sarx rax, rdi, rcx", x64_vg(&x, X64_SARX | X64_W, G(RAX), G(RCX), RG(RDI)));
    READS_AS("shrx r9d, dword ptr [r15 + r8 + 4], r10d",
             x64_vg(&x, X64_SHRX, G(R9), G(R10), x64_mem_index(G(R15), G(R8), 0, 4)));
    READS_AS("push r12", x64_push(&x, G(R12)));
    READS_AS("pop rbx", x64_pop(&x, G(RBX)));
    READS_AS("call qword ptr [r11]", x64_n(&x, X64_GROUP5, 2, x64_mem(G(R11), 0)));
    READS_AS("jmp r8", x64_n(&x, X64_GROUP5, 4, RG(R8)));
    READS_AS("ret", x64_ret(&x));
    READS_AS("ud2", x64_ud2(&x));
}

static void constants(void **state) {
    (void)state;
    READS_AS("mov eax, 0", x64_mov_imm(&x, G(RAX), 0));
    READS_AS("mov r9d, 0xffffffff", x64_mov_imm(&x, G(R9), UINT32_MAX));
    READS_AS("mov rsi, -1", x64_mov_imm(&x, G(RSI), UINT64_MAX));
    READS_AS("mov r15, -0x80000000", x64_mov_imm(&x, G(R15), UINT64_C(0xFFFFFFFF80000000)));
    READS_AS("movabs r8, 0x123456789abcdef0", x64_mov_imm(&x, G(R8), UINT64_C(0x123456789ABCDEF0)));
}

static void vector_forms(void **state) {
    (void)state;
    struct x64_rm memory = x64_mem_index(G(R15), G(RAX), 0, 8);
    READS_AS("movaps xmm8, xmm0", x64_xx(&x, X64_MOVAPS, X(8), X(0)));
    READS_AS("movss xmm1, dword ptr [r15 + rax + 8]", x64_x(&x, X64_MOVSS, X(1), memory));
    READS_AS("movsd qword ptr [r15 + rax + 8], xmm12", x64_x(&x, X64_MOVSD_STORE, X(12), memory));
    READS_AS("movups xmm3, xmmword ptr [rbp]", x64_x(&x, X64_MOVUPS, X(3), x64_mem(G(RBP), 0)));
    READS_AS("mulss xmm2, dword ptr [r15 + rax + 8]", x64_x(&x, X64_MULF | X64_F3, X(2), memory));
    READS_AS("divsd xmm2, xmm9", x64_xx(&x, X64_DIVF | X64_F2, X(2), X(9)));
    READS_AS("sqrtsd xmm0, xmm15", x64_xx(&x, X64_SQRT | X64_F2, X(0), X(15)));
    READS_AS("minss xmm0, xmm1", x64_xx(&x, X64_MINF | X64_F3, X(0), X(1)));
    READS_AS("maxsd xmm0, xmm1", x64_xx(&x, X64_MAXF | X64_F2, X(0), X(1)));
    READS_AS("ucomiss xmm0, xmm9", x64_xx(&x, X64_UCOMISS, X(0), X(9)));
    READS_AS("ucomisd xmm9, qword ptr [r15 + rax + 8]", x64_x(&x, X64_UCOMISD, X(9), memory));
    READS_AS("cvtss2sd xmm1, xmm2", x64_xx(&x, X64_CVT_F_F | X64_F3, X(1), X(2)));
    READS_AS("cvtsd2ss xmm1, xmm2", x64_xx(&x, X64_CVT_F_F | X64_F2, X(1), X(2)));
    READS_AS("cvttsd2si r9, xmm2", x64_put(&x, X64_CVTT_F_I | X64_F2 | X64_W, X64_R9, RX(2)));
    READS_AS("cvttss2si eax, xmm2", x64_put(&x, X64_CVTT_F_I | X64_F3, X64_RAX, RX(2)));
    READS_AS("movd eax, xmm9", x64_x(&x, X64_MOVD_G_X, X(9), RG(RAX)));
    READS_AS("movq r8, xmm1", x64_x(&x, X64_MOVD_G_X | X64_W, X(1), RG(R8)));
    READS_AS("xorps xmm0, xmm0", x64_xx(&x, X64_XORPS, X(0), X(0)));
    READS_AS("andps xmm4, xmmword ptr [rip]", x64_x(&x, X64_ANDPS, X(4), x64_mem_rip(0)));
    READS_AS("roundsd xmm1, xmm2, 9", x64_x_i8(&x, X64_ROUNDSD, X(1), RX(2), 9));
    READS_AS("roundss xmm8, xmm2, 0xb", x64_x_i8(&x, X64_ROUNDSS, X(8), RX(2), 11));
    READS_AS("vaddsd xmm1, xmm2, xmm3", x64_vx(&x, X64_ADDF | X64_F2, X(1), X(2), RX(3)));
    READS_AS("vmulss xmm9, xmm12, dword ptr [r15 + rax + 8]",
             x64_vx(&x, X64_MULF | X64_F3, X(9), X(12), memory));
}

static void jumps(void **state) {
    (void)state;
    READS_AS("jmp 0", x64_jmp_back(&x, code));
    READS_AS("je 0", x64_jcc_back(&x, X64_E, code));
    READS_AS("jmp 0x105", x64_jmp(&x, 0x100));
    READS_AS("ja 0x106", x64_jcc(&x, X64_A, 0x100));
    READS_AS("call 5", x64_call(&x, 0));
    READS_AS("jne 0xffffffffffffff00", x64_jcc_back(&x, X64_NE, code - 256));
    READS_AS("jmp 0xffffffffffffff00", x64_jmp_back(&x, code - 256));

    /* A short jump lands where x64_land says. */
    x.at = code;
    uint8_t *jump = x64_jcc_short(&x, X64_P);
    x64_nop(&x, 20);
    x64_land(&x, jump);
    x.at = jump;
    reads_as("jp 0x16");
}

static void padding(void **state) {
    (void)state;
    for (unsigned bytes = 0; bytes <= 40; bytes++) {
        x.at = code;
        x64_nop(&x, bytes);
        assert_int_equal(x.at - code, bytes);
        const uint8_t *at = code;
        while (at < x.at) {
            cs_insn *insn;
            assert_int_equal(cs_disasm(engine, at, (size_t)(x.at - at), 0, 1, &insn), 1);
            assert_string_equal(insn->mnemonic, "nop");
            at += insn->size;
            cs_free(insn, 1);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_register_pair),
        cmocka_unit_test(every_memory_form),
        cmocka_unit_test(integer_forms),
        cmocka_unit_test(constants),
        cmocka_unit_test(vector_forms),
        cmocka_unit_test(jumps),
        cmocka_unit_test(padding),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
