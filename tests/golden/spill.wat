;; Few registers: operands go to their slots and come back as wide as they are. An i32 that comes back is zero-extended:
;; it may be an index.
;; flags: --cpu=x86-64-v3 --regs=3
;; show: index deep
;; run: index 4294967292 8 => 0
;; run: index 65536 0 => trap: out of bounds memory access
;; run: deep 1 2 3 4 => 40
;; run: mixed 3 4 => 12
(module (memory 1 1)
  (func $index (export "index") (param i32 i32) (result i32) (local i32 i32)
    local.get 0
    local.get 1
    i32.add
    local.tee 2
    local.get 0
    i32.div_u
    drop
    local.get 2
    i32.load)
  (func $deep (export "deep") (param i32 i32 i32 i32) (result i32)
    local.get 0 local.get 1 i32.mul
    local.get 1 local.get 2 i32.mul
    local.get 2 local.get 3 i32.mul
    local.get 3 local.get 0 i32.mul
    local.get 0 local.get 2 i32.mul
    local.get 1 local.get 3 i32.mul
    i32.add i32.add i32.add i32.add i32.add
    i32.const 5
    i32.add)
  (func $mixed (export "mixed") (param i32 f64) (result f64) (local i64 f32)
    local.get 0
    i64.extend_i32_s
    local.set 2
    local.get 2
    f64.convert_i64_s
    local.get 1
    f64.mul))

;; code index
;;   0  mov dword ptr [rbp - 0x30], edi
;;   3  mov dword ptr [rbp - 0x28], esi
;;   6  mov eax, dword ptr [rbp - 0x28]
;;   9  add eax, dword ptr [rbp - 0x30]
;;   c  mov dword ptr [rbp - 0x20], eax
;;   f  xor edx, edx
;;  11  div dword ptr [rbp - 0x30]
;;  14  mov eax, dword ptr [rbp - 0x20]
;;  17  mov eax, dword ptr [r15 + rax]
;;  1b  ret

;; code deep
;;   0  mov dword ptr [rbp - 0x60], edi
;;   3  mov dword ptr [rbp - 0x58], esi
;;   6  mov dword ptr [rbp - 0x50], edx
;;   9  mov dword ptr [rbp - 0x48], ecx
;;   c  mov eax, dword ptr [rbp - 0x58]
;;   f  imul eax, dword ptr [rbp - 0x60]
;;  13  mov ecx, dword ptr [rbp - 0x50]
;;  16  imul ecx, dword ptr [rbp - 0x58]
;;  1a  mov edx, dword ptr [rbp - 0x48]
;;  1d  imul edx, dword ptr [rbp - 0x50]
;;  21  mov dword ptr [rbp - 0x40], eax
;;  24  mov eax, dword ptr [rbp - 0x60]
;;  27  imul eax, dword ptr [rbp - 0x48]
;;  2b  mov dword ptr [rbp - 0x38], ecx
;;  2e  mov ecx, dword ptr [rbp - 0x50]
;;  31  imul ecx, dword ptr [rbp - 0x60]
;;  35  mov dword ptr [rbp - 0x30], edx
;;  38  mov edx, dword ptr [rbp - 0x48]
;;  3b  imul edx, dword ptr [rbp - 0x58]
;;  3f  add ecx, edx
;;  41  add eax, ecx
;;  43  add eax, dword ptr [rbp - 0x30]
;;  46  add eax, dword ptr [rbp - 0x38]
;;  49  add eax, dword ptr [rbp - 0x40]
;;  4c  add eax, 5
;;  4f  ret
