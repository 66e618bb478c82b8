;; Waiting for others, where there are none: the value differs, time passes, or the memory is nobody else's.
;; enable: threads multi-memory
;; flags: --cpu=x86-64-v3
;; show: wait32
;; run: wait32 0 1 -1 => 1
;; run: wait32 0 0 1000 => 2
;; run: wait32 0 0 0 => 2
;; run: wait32 1 0 0 => trap: unaligned atomic
;; run: wait32 65532 0 0 => 2
;; run: wait32 65536 0 0 => trap: out of bounds memory access
;; run: wait32 4294967292 0 0 => trap: out of bounds memory access
;; run: wait64 0 4294967296 -1 => 1
;; run: wait64 0 0 1000 => 2
;; run: wait64 4 0 1000 => trap: unaligned atomic
;; run: wait64 65528 0 0 => trap: out of bounds memory access
;; run: notify 0 4294967295 => 0
;; run: notify 2 1 => trap: unaligned atomic
;; run: notify 65536 0 => trap: out of bounds memory access
;; run: unshared 0 => trap: expected shared memory
;; run: unshared 4 => trap: expected shared memory
;; run: notify_unshared => 0
(module
  (memory $shared 1 1 shared)
  (memory $own 1 1)
  (func $wait32 (export "wait32") (param i32 i32 i64) (result i32)
    local.get 0
    local.get 1
    local.get 2
    memory.atomic.wait32 0)
  (func (export "wait64") (param i32 i64 i64) (result i32)
    local.get 0
    local.get 1
    local.get 2
    memory.atomic.wait64 0 offset=8)
  (func (export "notify") (param i32 i32) (result i32)
    local.get 0
    local.get 1
    memory.atomic.notify 0)
  (func (export "unshared") (param i32) (result i32)
    local.get 0
    i32.const 7
    i64.const 0
    memory.atomic.wait32 1)
  (func (export "notify_unshared") (result i32)
    i32.const 0
    i32.const 1
    memory.atomic.notify 1))

;; code wait32
;;   0  nop dword ptr [rax]
;;   4  mov r8, rdx
;;   7  mov rdx, r8
;;   a  xor ecx, ecx
;;   c  xor r8d, r8d
;;   f  call {alka_helper_wait32}
;;  14  nop dword ptr [rax]
;;  18  ret
