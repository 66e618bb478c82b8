;; Reads all of a memory that it imports: a template, with the index type, the limits and the number of the memory.
(module
  (import "tested" "mem@NUMBER" (memory @LIMITS))
  (func (export "hash") (result i64)
    (local $at @INDEX) (local $end @INDEX) (local $hash i64)
    (local.set $end (@INDEX.mul (memory.size) (@INDEX.const 65536)))
    (block $done
      (loop $next
        (br_if $done (@INDEX.ge_u (local.get $at) (local.get $end)))
        (local.set $hash
          (i64.add (i64.mul (local.get $hash) (i64.const 6364136223846793005)) (i64.load (local.get $at))))
        (local.set $at (@INDEX.add (local.get $at) (@INDEX.const 8)))
        (br $next)))
    (local.get $hash)))
