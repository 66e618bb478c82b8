;; Counts, and hands its count over to its next version.
(module
  (import "athanor" "state_save" (func $save (param i32 i32)))
  (import "athanor" "state_load" (func $load (param i32 i32) (result i32)))
  (memory 1)
  (func (export "add") (result i32)
    (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
    (i32.load (i32.const 64)))
  (func (export "export_state") (call $save (i32.const 64) (i32.const 4)))
  (func (export "import_state") (result i32) (i32.ne (call $load (i32.const 64) (i32.const 4)) (i32.const 4))))
