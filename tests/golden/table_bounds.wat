;; Bounds of table.init, table.copy, table.fill and table.grow: the sum of start and count, in whatever is smaller; nothing
;; is written when it does not hold.
;; flags: --cpu=x86-64-v3
;; show: init
;; run: init 0 0 3 => 3
;; run: init 5 0 3 => 3
;; run: init 6 0 3 => trap: out of bounds table access
;; run: init 0 1 3 => trap: out of bounds table access
;; run: init 8 3 0 => 0
;; run: init 9 3 0 => trap: out of bounds table access
;; run: init 8 4 0 => trap: out of bounds table access
;; run: init 4294967295 0 2 => trap: out of bounds table access
;; run: init 0 4294967295 2 => trap: out of bounds table access
;; run: init_dropped 0 => 0
;; run: init_dropped 1 => trap: out of bounds table access
;; run: grow 0 => 8
;; run: grow 4 => 8
;; run: grow 5 => -1
;; run: grow 4294967295 => -1
;; run: grow 4294967288 => -1
;; run: grown 11 => 1
;; run: grown 12 => trap: out of bounds table access
;; run: fill 8 0 => 0
;; run: fill 7 2 => trap: out of bounds table access
;; run: fill 4294967295 4294967295 => trap: out of bounds table access
;; run: copy 0 5 3 => 0
;; run: copy 0 6 3 => trap: out of bounds table access
;; run: copy 4294967294 0 3 => trap: out of bounds table access
(module
  (table $t 8 12 funcref)
  (elem $e func $f $f $f)
  (func $f)
  (func $count (result i32) (local $i i32) (local $n i32)
    (loop $next
      (local.set $n (i32.add (local.get $n) (i32.eqz (ref.is_null (table.get $t (local.get $i))))))
      (br_if $next
        (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (table.size $t))))
    (local.get $n))
  (func $init (export "init") (param i32 i32 i32) (result i32)
    (table.init $t $e (local.get 0) (local.get 1) (local.get 2))
    (call $count))
  (func (export "init_dropped") (param i32) (result i32)
    (elem.drop $e)
    (elem.drop $e)
    (table.init $t $e (i32.const 0) (i32.const 0) (local.get 0))
    (call $count))
  (func $grow (export "grow") (param i32) (result i32)
    (table.grow $t (ref.null func) (local.get 0)))
  (func (export "grown") (param i32) (result i32)
    (drop (call $grow (i32.const 4)))
    (ref.is_null (table.get $t (local.get 0))))
  (func (export "fill") (param i32 i32) (result i32)
    (table.fill $t (local.get 0) (ref.func $f) (local.get 1))
    (call $count))
  (func (export "copy") (param i32 i32 i32) (result i32)
    (table.copy $t $t (local.get 0) (local.get 1) (local.get 2))
    (call $count)))

;; code init
;;   0  nop dword ptr [rax]
;;   4  mov r8d, edx
;;   7  mov edx, r8d
;;   a  xor ecx, ecx
;;   c  xor r8d, r8d
;;   f  call {alka_helper_table_init}
;;  14  call -0x50
;;  19  nop dword ptr [rax]
;;  1d  ret
