;; Addresses. An index is a zero-extended 32-bit register; scales and constants are added to it in 32 bits, where they
;; wrap, never inside the 64-bit address (CVE-2023-26489). Only the memarg's offset is a displacement.
;; flags: --cpu=x86-64-v3
;; show: scaled wraps constant huge_offset stores
;; run: scaled 65532 1 => 0
;; run: scaled 4294967288 6 => 0
;; run: scaled 20 1073741823 => 0
;; run: scaled 65540 0 => trap: out of bounds memory access
;; run: wraps 4294967288 => 0
;; run: constant => 0
;; run: huge_offset 0 => trap: out of bounds memory access
;; run: huge_offset 4294967295 => trap: out of bounds memory access
;; run: last_bytes 65532 => 0
;; run: last_bytes 65533 => trap: out of bounds memory access
;; run: stores 16 7 => 7
(module (memory 1 1)
  (func $scaled (export "scaled") (param i32 i32) (result i32)
    local.get 0
    local.get 1
    i32.const 2
    i32.shl
    i32.add
    i32.const -16
    i32.add
    i32.load offset=12)
  (func $wraps (export "wraps") (param i32) (result i32)
    local.get 0
    i32.const 16
    i32.add
    i32.load offset=4)
  (func $constant (export "constant") (result i32)
    i32.const 16
    i32.load8_u offset=4
    i32.const 32
    i32.load16_s offset=8
    i32.add)
  (func $huge_offset (export "huge_offset") (param i32) (result i64)
    local.get 0
    i64.load offset=4294967288)
  (func $last_bytes (export "last_bytes") (param i32) (result i32)
    local.get 0
    i32.load)
  (func $stores (export "stores") (param i32 i32) (result i32)
    local.get 0
    i32.const 100000
    i32.store
    local.get 0
    local.get 1
    i32.store8
    local.get 0
    f64.const 0
    f64.store offset=8
    local.get 0
    i32.load8_u))

;; code scaled
;;   0  lea esi, [rdi + rsi*4 - 0x10]
;;   4  mov eax, dword ptr [r15 + rsi + 0xc]
;;   9  ret

;; code wraps
;;   0  add edi, 0x10
;;   3  mov eax, dword ptr [r15 + rdi + 4]
;;   8  ret

;; code constant
;;   0  movzx eax, byte ptr [r15 + 0x14]
;;   5  movsx ecx, word ptr [r15 + 0x28]
;;   a  add eax, ecx
;;   c  ret

;; code huge_offset
;;   0  add edi, -8
;;   3  jb +0xe
;;   9  mov rax, qword ptr [r15 + rdi]
;;   d  ret
;;   e  ud2

;; code stores
;;   0  mov dword ptr [r15 + rdi], 0x186a0
;;   8  mov byte ptr [r15 + rdi], sil
;;   c  mov qword ptr [r15 + rdi + 8], 0
;;  15  movzx eax, byte ptr [r15 + rdi]
;;  1a  ret
