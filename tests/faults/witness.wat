;; Works all the time, calls another module, and must never give a wrong result: the kernel knows what each step gives.
(module
  (import "store" "next" (func $next (param i32) (result i32)))
  (memory 4)
  (global $steps (mut i32) (i32.const 0))
  (func (export "step") (result i32)
    (local $i i32) (local $value i32) (local $at i32)
    (global.set $steps (i32.add (global.get $steps) (i32.const 1)))
    (local.set $value (call $next (global.get $steps)))
    (loop $again
      (local.set $value (i32.xor (local.get $value) (i32.shl (local.get $value) (i32.const 13))))
      (local.set $value (i32.xor (local.get $value) (i32.shr_u (local.get $value) (i32.const 17))))
      (local.set $value (i32.xor (local.get $value) (i32.shl (local.get $value) (i32.const 5))))
      (local.set $at (i32.and (local.get $value) (i32.const 0x3FFFC)))
      (i32.store (local.get $at) (i32.add (i32.load (local.get $at)) (local.get $value)))
      (local.set $value (i32.add (local.get $value) (i32.load (local.get $at))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 32))))
    (local.get $value)))
