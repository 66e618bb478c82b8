;; References and bulk memory: null tests, table reads in place, the rest by the runtime; tables that bodies further on
;; change.
;; flags: --cpu=x86-64-v3
;; show: read is_null make
;; run: later 0 => trap: undefined element
;; run: grown 3 => 11
;; run: grown 0 => trap: uninitialized element
;; run: grown 4 => trap: undefined element
;; run: read 0 => 1
;; run: read 1 => trap: out of bounds table access
;; run: is_null 0 => 0
;; run: is_null 1 => 1
;; run: make => 11
;; run: lives 5 => 18
;; run: moved 10 => 1818576968
;; run: moved 65531 => trap: out of bounds memory access
;; run: dropped => trap: out of bounds table access
(module
  (type $constant (func (result i32)))
  (table $t 0 8 funcref)
  (table $fixed 1 1 externref)
  (memory 1 1)
  (global $g (mut funcref) (ref.null func))
  (elem $both func $seven $eleven)
  (data $hello "Hello")
  (func $seven (result i32) i32.const 7)
  (func $eleven (export "eleven") (result i32) i32.const 11)
  ;; Emitted before any body grows the table.
  (func $later (export "later") (param i32) (result i32)
    local.get 0
    call_indirect $t (type $constant))
  (func $grown (export "grown") (param i32) (result i32)
    ref.null func
    i32.const 3
    table.grow $t
    drop
    ref.func $eleven
    i32.const 1
    table.grow $t
    drop
    local.get 0
    call $later)
  (func $read (export "read") (param i32) (result i32)
    local.get 0
    table.get $fixed
    ref.is_null)
  (func $is_null (export "is_null") (param i32) (result i32)
    ref.null func
    ref.func $seven
    local.get 0
    select (result funcref)
    ref.is_null)
  (func $make (export "make") (result i32)
    ref.null func
    i32.const 1
    table.grow $t
    ref.func $eleven
    table.set $t
    i32.const 0
    call_indirect $t (type $constant))
  ;; What lives across a helper survives it.
  (func $lives (export "lives") (param i32) (result i32) (local f64) (local funcref)
    local.get 0
    f64.convert_i32_u
    local.set 1
    ref.func $eleven
    local.set 2
    local.get 0
    local.get 2
    global.set $g
    i32.const 0
    i32.const 1
    i32.const 8
    memory.fill
    local.get 1
    i32.trunc_f64_u
    i32.add
    i32.const 0
    i32.load offset=4
    i32.const 16843009
    i32.sub
    i32.add
    global.get $g
    ref.is_null
    i32.add
    i32.const 8
    i32.add)
  ;; The copy overlaps itself; nothing is written when it does not fit.
  (func $moved (export "moved") (param i32) (result i32)
    local.get 0
    i32.const 0
    i32.const 5
    memory.init $hello
    local.get 0
    i32.const 1
    i32.add
    local.get 0
    i32.const 5
    memory.copy
    local.get 0
    i32.load)
  (func $dropped (export "dropped") (result i32)
    elem.drop $both
    i32.const 0
    i32.const 0
    i32.const 1
    table.init $t $both
    i32.const 1))

;; code read
;;   0  cmp rdi, qword ptr [r15 - 0x98]
;;   7  jae +0x25
;;   d  shl rdi, 3
;;  11  add rdi, qword ptr [r15 - 0xa0]
;;  18  mov rdi, qword ptr [rdi]
;;  1b  test rdi, rdi
;;  1e  sete al
;;  21  movzx eax, al
;;  24  ret
;;  25  ud2

;; code is_null
;;   0  mov rax, qword ptr [r15 - 0x58]
;;   4  test edi, edi
;;   6  mov ecx, 0
;;   b  cmovne rax, rcx
;;   f  test rax, rax
;;  12  sete al
;;  15  movzx eax, al
;;  18  ret

;; code make
;;   0  nop dword ptr [rax]
;;   4  xor edi, edi
;;   6  mov esi, 1
;;   b  xor edx, edx
;;   d  call {alka_helper_table_grow}
;;  12  mov eax, eax
;;  14  mov rcx, qword ptr [r15 - 0x58]
;;  18  add rcx, 0x38
;;  1c  mov rsi, rcx
;;  1f  mov edi, eax
;;  21  xor edx, edx
;;  23  call {alka_helper_table_set}
;;  28  xor eax, eax
;;  2a  cmp rax, qword ptr [r15 - 0xa8]
;;  31  jae +0x5b
;;  37  shl rax, 5
;;  3b  mov r11, qword ptr [r15 - 0xb0]
;;  42  add r11, rax
;;  45  cmp dword ptr [r11 + 0x18], 0 {type 0}
;;  4d  jne +0x5d
;;  53  call qword ptr [r11]
;;  56  nop dword ptr [rax]
;;  5a  ret
;;  5b  ud2
;;  5d  cmp qword ptr [r11 + 0x10], 0
;;  62  jne +0x66
;;  64  ud2
;;  66  ud2
