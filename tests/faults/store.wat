;; A service with a state: what the witness calls.
(module
  (memory 1)
  (func (export "next") (param i32) (result i32)
    (i32.store (i32.const 128)
      (i32.add (i32.mul (i32.load (i32.const 128)) (i32.const 1664525)) (i32.add (local.get 0) (i32.const 1013904223))))
    (i32.load (i32.const 128))))
