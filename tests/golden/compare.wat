;; Comparisons stay flags until something wants them as a number; eqz inverts them; and with a test for zero is test.
;; flags: --cpu=x86-64-v3
;; show: loop_until below eqz_branch masks float_branch float_values chosen kept
;; run: loop_until 10 => 45
;; run: below 3 4 => 1
;; run: eqz_branch 0 => 2
;; run: eqz_branch 5 => 1
;; run: masks 6 => 1
;; run: masks 4 => 2
;; run: float_branch nan 1 => 2
;; run: float_branch 1 1 => 1
;; run: float_values nan 1 => 2
;; run: float_values 2 1 => 18
;; run: chosen 1 2 3 => 1
;; run: chosen 1 2 2 => 2
;; run: kept 5 5 => 6
(module
  (func $loop_until (export "loop_until") (param i32) (result i32) (local i32 i32)
    loop
      local.get 2
      local.get 1
      i32.add
      local.set 2
      local.get 1
      i32.const 1
      i32.add
      local.tee 1
      local.get 0
      i32.lt_s
      br_if 0
    end
    local.get 2)
  (func $below (export "below") (param i64 i64) (result i32)
    local.get 0
    local.get 1
    i64.lt_u)
  (func $eqz_branch (export "eqz_branch") (param i32) (result i32)
    block
      local.get 0
      i32.eqz
      br_if 0
      i32.const 1
      return
    end
    i32.const 2)
  (func $masks (export "masks") (param i32) (result i32)
    local.get 0
    i32.const 2
    i32.and
    if (result i32)
      i32.const 1
    else
      i32.const 2
    end)
  (func $float_branch (export "float_branch") (param f64 f64) (result i32)
    block
      local.get 0
      local.get 1
      f64.eq
      i32.eqz
      br_if 0
      i32.const 1
      return
    end
    i32.const 2)
  (func $float_values (export "float_values") (param f32 f32) (result i32)
    local.get 0
    local.get 1
    f32.eq
    local.get 0
    local.get 1
    f32.ne
    i32.const 1
    i32.shl
    i32.add
    local.get 0
    local.get 1
    f32.le
    i32.const 3
    i32.shl
    i32.add
    local.get 0
    local.get 1
    f32.gt
    i32.const 4
    i32.shl
    i32.add)
  (func $chosen (export "chosen") (param i32 i32 i32) (result i32)
    local.get 0
    local.get 1
    local.get 2
    i32.const 2
    i32.gt_s
    select)
  (func $kept (export "kept") (param i32 i32) (result i32)
    local.get 0
    local.get 1
    i32.eq
    local.get 0
    i32.add))

;; code loop_until
;;   0  mov r8d, edi
;;   3  xor esi, esi
;;   5  xor edi, edi
;;   7  nop word ptr [rax + rax]
;;  10  add edi, esi
;;  12  add esi, 1
;;  15  cmp esi, r8d
;;  18  jl +0x10
;;  1a  mov eax, edi
;;  1c  ret

;; code below
;;   0  cmp rdi, rsi
;;   3  setb al
;;   6  movzx eax, al
;;   9  ret

;; code eqz_branch
;;   0  test edi, edi
;;   2  je +0xe
;;   8  mov eax, 1
;;   d  ret
;;   e  mov eax, 2
;;  13  ret

;; code masks
;;   0  test edi, 2
;;   6  je +0x16
;;   c  mov eax, 1
;;  11  jmp +0x1b
;;  16  mov eax, 2
;;  1b  ret

;; code float_branch
;;   0  movaps xmm3, xmm0
;;   3  movaps xmm4, xmm1
;;   6  ucomisd xmm3, xmm4
;;   a  jp +0x1c
;;  10  jne +0x1c
;;  16  mov eax, 1
;;  1b  ret
;;  1c  mov eax, 2
;;  21  ret

;; code float_values
;;   0  movaps xmm3, xmm0
;;   3  movaps xmm4, xmm1
;;   6  ucomiss xmm3, xmm4
;;   9  setnp cl
;;   c  sete al
;;   f  and eax, ecx
;;  11  movzx eax, al
;;  14  ucomiss xmm3, xmm4
;;  17  setp dl
;;  1a  setne cl
;;  1d  or ecx, edx
;;  1f  movzx ecx, cl
;;  22  ucomiss xmm4, xmm3
;;  25  setae dl
;;  28  movzx edx, dl
;;  2b  lea eax, [rax + rcx*2]
;;  2e  ucomiss xmm3, xmm4
;;  31  seta cl
;;  34  movzx ecx, cl
;;  37  shl ecx, 4
;;  3a  lea eax, [rax + rdx*8]
;;  3d  add eax, ecx
;;  3f  ret

;; code chosen
;;   0  mov r8d, edx
;;   3  cmp r8d, 2
;;   7  cmovle edi, esi
;;   a  mov eax, edi
;;   c  ret

;; code kept
;;   0  cmp edi, esi
;;   2  sete al
;;   5  movzx eax, al
;;   8  add eax, edi
;;   a  ret
