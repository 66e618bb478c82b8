;; At the outer end of call chains.
(module
  (import "middle" "work" (func $work (result i32)))
  (import "middle" "unreachable" (func $unreachable))
  (import "middle" "spin" (func $spin))
  (import "middle" "recurse" (func $recurse))
  (import "middle" "own" (func $own))
  (global $calls (mut i32) (i32.const 0))
  (func $called (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
  (func (export "work") (result i32) (call $called) (i32.add (call $work) (global.get $calls)))
  (func (export "unreachable") (call $called) (call $unreachable))
  (func (export "spin") (call $called) (call $spin))
  (func (export "recurse") (call $called) (call $recurse))
  (func (export "own") (call $called) (call $own)))
