;; Exceptions cost nothing until one is thrown: with and without a try, the same instructions on the way through. What
;; follows them is entered by the runtime only. Locals are found where the handler expects them.
;; enable: exceptions
;; show: plain tried kept
;; run: plain 5 => 6
;; run: tried 5 => 6
;; run: tried 0 => -1
;; run: kept 5 => 11
;; run: kept 0 => 30
;; run: again 3 => 4
;; run: out 3 => trap: unhandled exception
(module
  (tag $e (param i32))
  (func $may (export "may") (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (throw $e (i32.const 10))))
    (i32.add (local.get 0) (i32.const 1)))
  (func (export "plain") (param i32) (result i32)
    (block (result i32) (call $may (local.get 0))))
  (func $tried (export "tried") (param i32) (result i32)
    (try (result i32)
      (do (call $may (local.get 0)) (return))
      (catch_all (i32.const -1))))
  (func $kept (export "kept") (param i32) (result i32)
    (local $x i32)
    (local.set $x (i32.mul (local.get 0) (i32.const 3)))
    (try (result i32)
      (do
        (local.set $x (i32.add (local.get $x) (i32.const 20)))
        (drop (call $may (local.get 0)))
        (local.set $x (local.get 0))
        (i32.add (call $may (local.get $x)) (local.get 0)))
      (catch $e (i32.add (local.get $x)))))
  (func (export "again") (param i32) (result i32)
    (try (result i32)
      (do (try (result i32) (do (call $may (i32.const 0))) (catch $e (drop) (rethrow 0))))
      (catch $e (i32.const 6) (i32.sub))))
  (func (export "out") (param i32) (result i32) (throw $e (local.get 0))))

;; code plain
;;   0  nop dword ptr [rax]
;;   4  call 0
;;   9  nop dword ptr [rax]
;;   d  ret

;; code tried
;;   0  nop dword ptr [rax]
;;   4  call 0
;;   9  jmp +0x13
;;   e  mov eax, 0xffffffff
;;  13  nop dword ptr [rax]
;;  17  ret

;; code kept
;;   0  push rbx
;;   1  push r12
;;   3  nop dword ptr [rax]
;;   7  mov r12d, edi
;;   a  lea ebx, [r12 + r12*2]
;;   e  add ebx, 0x14
;;  11  mov edi, r12d
;;  14  call 0
;;  19  mov ebx, r12d
;;  1c  mov edi, ebx
;;  1e  call 0
;;  23  add eax, r12d
;;  26  jmp +0x2d
;;  2b  add eax, ebx
;;  2d  nop dword ptr [rax]
;;  31  pop r12
;;  33  pop rbx
;;  34  ret
