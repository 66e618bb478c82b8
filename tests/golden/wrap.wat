;; The wrap model: addresses are masked and never trap.
;; flags: --cpu=x86-64-v3 --memory=wrap
;; show: access constant
(module (memory 1 1)
  (func $access (export "access") (param i32) (result i32)
    local.get 0
    i32.load offset=8)
  (func $constant (export "constant") (result f64)
    i32.const 16
    f64.load))

;; code access
;;   0  add edi, 8
;;   3  and rdi, qword ptr [r15 - 0x50]
;;   7  mov eax, dword ptr [r15 + rdi]
;;   b  ret

;; code constant
;;   0  mov eax, 0x10
;;   5  and rax, qword ptr [r15 - 0x50]
;;   9  movsd xmm0, qword ptr [r15 + rax]
;;   f  ret
