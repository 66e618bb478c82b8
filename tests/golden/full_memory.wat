;; A memory of exactly 4 GiB: its last byte is a byte like others, and what is behind it is out of bounds.
;; flags: --cpu=x86-64-v3
;; show: last pair
;; run: size => 65536
;; run: grows 0 => 65536
;; run: grows 1 => -1
;; run: grows 4294967295 => -1
;; run: byte 4294967295 => 0
;; run: word 4294967292 => 0
;; run: word 4294967293 => trap: out of bounds memory access
;; run: far 0 => 0
;; run: far 1 => trap: out of bounds memory access
;; run: far 4294967295 => trap: out of bounds memory access
;; run: last 7 => 7
;; run: wraps 4294967295 => 9
;; run: pair 4294967292 => 9
(module (memory 65536 65536)
  (data (i32.const 15) "\09")
  (func (export "size") (result i32) memory.size)
  (func (export "grows") (param i32) (result i32)
    local.get 0
    memory.grow)
  (func (export "byte") (param i32) (result i32)
    local.get 0
    i32.load8_u)
  (func (export "word") (param i32) (result i32)
    local.get 0
    i32.load)
  (func (export "far") (param i32) (result i32)
    local.get 0
    i32.load8_u offset=4294967295)
  (func $last (export "last") (param i32) (result i32)
    i32.const -1
    local.get 0
    i32.store8
    i32.const -1
    i32.load8_u)
  ;; the sum wraps before it is an index
  (func (export "wraps") (param i32) (result i32)
    local.get 0
    i32.const 16
    i32.add
    i32.load8_u)
  ;; so it does behind an access that was good: here no part of the 4 GiB stays unused
  (func $pair (export "pair") (param i32) (result i32)
    local.get 0
    i32.load
    local.get 0
    i32.const 16
    i32.add
    i32.load offset=3
    i32.add))

;; code last
;;   0  mov eax, 0xffffffff
;;   5  mov byte ptr [r15 + rax], dil
;;   9  mov eax, 0xffffffff
;;   e  movzx eax, byte ptr [r15 + rax]
;;  13  ret

;; code pair
;;   0  lea eax, [rdi + 0x10]
;;   3  mov ecx, dword ptr [r15 + rax + 3]
;;   8  add ecx, dword ptr [r15 + rdi]
;;   c  mov eax, ecx
;;   e  ret
