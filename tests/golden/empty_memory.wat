;; A memory of no pages: every access traps until it has grown, and only so far.
;; flags: --cpu=x86-64-v3
;; show: touch
;; run: size => 0
;; run: touch 0 => trap: out of bounds memory access
;; run: touch 4294967295 => trap: out of bounds memory access
;; run: constant => trap: out of bounds memory access
;; run: after 1 0 => 0
;; run: after 1 65535 => 0
;; run: after 1 65536 => trap: out of bounds memory access
;; run: after 0 0 => trap: out of bounds memory access
;; run: after 3 0 => trap: out of bounds memory access
;; run: grows 1 => 0
;; run: grows 2 => 0
;; run: grows 3 => -1
;; run: nothing 0 => 0
;; run: nothing 1 => trap: out of bounds memory access
(module (memory 0 2)
  (func (export "size") (result i32) memory.size)
  (func $touch (export "touch") (param i32) (result i32)
    local.get 0
    i32.load8_u)
  (func (export "constant") (result i32)
    i32.const 0
    i32.load8_u)
  (func (export "after") (param i32 i32) (result i32)
    local.get 0
    memory.grow
    drop
    local.get 1
    i32.load8_u)
  (func (export "grows") (param i32) (result i32)
    local.get 0
    memory.grow)
  ;; filling nothing at the very end is fine
  (func (export "nothing") (param i32) (result i32)
    local.get 0
    i32.const 1
    i32.const 0
    memory.fill
    i32.const 0))

;; code touch
;;   0  movzx eax, byte ptr [r15 + rdi]
;;   5  ret
