;; What random modules import: logging, folded into hashes that the comparison reads back.
(module
  (global $ints (export "ints") (mut i64) (i64.const 0))
  (func $fold (param $bits i64)
    (global.set $ints
      (i64.add (local.get $bits) (i64.mul (global.get $ints) (i64.const 6364136223846793005)))))
  ;; Newer versions of the generator import these, too: what a host would do with exports, it leaves alone here.
  (func (export "sleep") (param i32 i32) (result i32) (local.get 1))
  (func (export "call-export") (param i32 i32) (call $fold (i64.extend_i32_u (local.get 0))))
  (func (export "call-export-catch") (param i32) (result i32)
    (call $fold (i64.extend_i32_u (local.get 0))) (i32.const 0))
  (func (export "log-i32") (param i32) (call $fold (i64.extend_i32_u (local.get 0))))
  (func (export "log-i64") (param i64) (call $fold (local.get 0)))
  ;; NaNs have any bits: they count as one number.
  (func (export "log-f32") (param f32)
    (call $fold (select (i64.extend_i32_u (i32.reinterpret_f32 (local.get 0))) (i64.const 7)
                        (f32.eq (local.get 0) (local.get 0)))))
  (func (export "log-f64") (param f64)
    (call $fold (select (i64.reinterpret_f64 (local.get 0)) (i64.const 7)
                        (f64.eq (local.get 0) (local.get 0))))))
