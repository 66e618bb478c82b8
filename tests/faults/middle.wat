;; In the middle of call chains.
(module
  (import "victim" "work" (func $work (result i32)))
  (import "victim" "unreachable" (func $unreachable))
  (import "victim" "spin" (func $spin))
  (import "victim" "recurse" (func $recurse))
  (memory 1)
  (global $calls (mut i32) (i32.const 0))
  (func $called
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (i32.store (i32.const 64) (global.get $calls)))
  (func (export "work") (result i32) (call $called) (i32.add (call $work) (i32.load (i32.const 64))))
  (func (export "unreachable") (call $called) (call $unreachable))
  (func (export "spin") (call $called) (call $spin))
  (func (export "recurse") (call $called) (call $recurse))
  (func (export "own") (call $called) unreachable))
