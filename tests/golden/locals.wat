;; Locals: webs in registers, copies that pending reads keep, zero where nothing was set.
;; flags: --cpu=x86-64-v3
;; show: kept reused diamond carried
;; run: kept 1 2 => 3
;; run: reused 5 => 36
;; run: diamond 0 => 30
;; run: diamond 1 => 20
;; run: carried 5 => 10
;; run: half_set 0 => 0
;; run: half_set 1 => 7
;; run: exchanged 7 3 => 4
;; run: frame_reused 3 => 6
(module
  (func $kept (export "kept") (param i32 i32) (result i32)
    local.get 0
    local.get 1
    local.set 0
    local.get 0
    i32.add)
  (func $reused (export "reused") (param i32) (result i32) (local i32)
    local.get 0
    i32.const 1
    i32.add
    local.set 1
    local.get 1
    local.get 1
    i32.mul
    local.set 1
    local.get 1)
  (func $diamond (export "diamond") (param i32) (result i32) (local i32)
    block
      block
        local.get 0
        br_if 0
        i32.const 3
        local.set 1
        br 1
      end
      i32.const 2
      local.set 1
    end
    local.get 1
    i32.const 10
    i32.mul)
  (func $carried (export "carried") (param i32) (result i32) (local i32 i32 i32)
    loop
      local.get 1
      local.set 3
      local.get 2
      local.get 3
      i32.add
      local.set 2
      local.get 1
      i32.const 1
      i32.add
      local.tee 1
      local.get 0
      i32.lt_u
      br_if 0
    end
    local.get 2)
  (func $half_set (export "half_set") (param i32) (result i32) (local i32)
    local.get 0
    if
      i32.const 7
      local.set 1
    end
    local.get 1)
  (func $exchanged (export "exchanged") (param i32 i32) (result i32)
    loop
      local.get 0
      local.get 1
      local.set 0
      local.set 1
      local.get 0
      local.get 1
      i32.gt_s
      br_if 0
    end
    local.get 1
    local.get 0
    i32.sub)
  (func $frame_reused (export "frame_reused") (param i32) (result i32)
    local.get 0
    i32.const 1
    i32.add
    local.set 0
    local.get 0
    i32.const 2
    local.set 0
    local.get 0
    i32.add))

;; code kept
;;   0  add esi, edi
;;   2  mov eax, esi
;;   4  ret

;; code reused
;;   0  lea esi, [rdi + 1]
;;   3  mov eax, esi
;;   5  imul eax, esi
;;   8  mov esi, eax
;;   a  mov eax, esi
;;   c  ret

;; code diamond
;;   0  test edi, edi
;;   2  jne +0x12
;;   8  mov esi, 3
;;   d  jmp +0x17
;;  12  mov esi, 2
;;  17  imul eax, esi, 0xa
;;  1a  ret

;; code carried
;;   0  mov r9d, edi
;;   3  xor esi, esi
;;   5  xor edi, edi
;;   7  nop word ptr [rax + rax]
;;  10  mov r8d, esi
;;  13  add edi, r8d
;;  16  add esi, 1
;;  19  cmp esi, r9d
;;  1c  jb +0x10
;;  1e  mov eax, edi
;;  20  ret
