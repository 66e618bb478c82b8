;; Blocks with results, loops with parameters, permuted results, tables with the same label twice.
;; flags: --cpu=x86-64-v3
;; show: merge table loop_params
;; run: merge 0 => 7
;; run: merge 1 => 5
;; run: table 0 => 10
;; run: table 1 => 20
;; run: table 2 => 10
;; run: table 5 => 30
;; run: table 4294967295 => 30
;; run: few 0 => 1
;; run: few 1 => 2
;; run: few 9 => 2
;; run: with_value 0 => 11
;; run: with_value 1 => 101
;; run: with_value 7 => 101
;; run: loop_params 5 => 120
;; run: permuted 3 4 => 7
;; run: swapped => 2 1
;; run: arm 0 => 9
;; run: arm 1 => 8
;; run: if_param 1 => 6
;; run: if_param 0 => 5
(module
  (func $merge (export "merge") (param i32) (result i32)
    i32.const 3
    local.get 0
    if (result i32)
      i32.const 2
    else
      i32.const 4
    end
    i32.add)
  (func $table (export "table") (param i32) (result i32)
    block
      block
        block
          local.get 0
          br_table 0 1 0 0 1 2
        end
        i32.const 10
        return
      end
      i32.const 20
      return
    end
    i32.const 30)
  (func $few (export "few") (param i32) (result i32)
    block
      block
        local.get 0
        br_table 0 1
      end
      i32.const 1
      return
    end
    i32.const 2)
  (func $with_value (export "with_value") (param i32) (result i32)
    i32.const 1
    block (result i32)
      block (result i32)
        i32.const 10
        local.get 0
        br_table 1 0
      end
      i32.const 90
      i32.add
    end
    i32.add)
  (func $loop_params (export "loop_params") (param i32) (result i32)
    i32.const 1
    local.get 0
    loop (param i32 i32) (result i32)
      local.tee 0
      i32.mul
      local.get 0
      i32.const 1
      i32.sub
      local.get 0
      i32.const 1
      i32.sub
      br_if 0
      drop
    end)
  (func $pair (param i32 i32) (result i32 i32)
    local.get 0
    local.get 1)
  (func $permuted (export "permuted") (param i32 i32) (result i32)
    local.get 0
    local.get 1
    block (param i32 i32) (result i32 i32)
      local.set 0
      local.set 1
      local.get 0
      local.get 1
      local.get 0
      br_if 0
    end
    i32.add)
  (func $swapped (export "swapped") (result i32 i32) (local i32 i32)
    i32.const 1
    i32.const 2
    call $pair
    local.set 1
    local.set 0
    block (result i32 i32)
      local.get 1
      local.get 0
      br 0
    end)
  (func $arm (export "arm") (param i32) (result i32)
    local.get 0
    if
      i32.const 8
      return
    end
    i32.const 9)
  (func $if_param (export "if_param") (param i32) (result i32)
    i32.const 5
    local.get 0
    if (param i32) (result i32)
      i32.const 1
      i32.add
    end))

;; code merge
;;   0  test edi, edi
;;   2  je +0x12
;;   8  mov eax, 2
;;   d  jmp +0x17
;;  12  mov eax, 4
;;  17  add eax, 3
;;  1a  ret

;; code table
;;   0  cmp edi, 5
;;   3  jae +0x25
;;   9  lea rax, [rip + rodata]
;;  10  movsxd rdi, dword ptr [rax + rdi*4]
;;  14  add rdi, rax
;;  17  jmp rdi
;;  19  mov eax, 0xa
;;  1e  ret
;;  1f  mov eax, 0x14
;;  24  ret
;;  25  mov eax, 0x1e
;;  2a  ret

;; code loop_params
;;   0  mov dword ptr [rbp - 0x18], edi
;;   3  mov dword ptr [rbp - 0x20], 1
;;   a  nop word ptr [rax + rax]
;;  10  mov esi, dword ptr [rbp - 0x18]
;;  13  mov eax, esi
;;  15  imul eax, dword ptr [rbp - 0x20]
;;  19  lea ecx, [rsi - 1]
;;  1c  test ecx, ecx
;;  1e  mov dword ptr [rbp - 0x20], eax
;;  21  lea eax, [rsi - 1]
;;  24  mov dword ptr [rbp - 0x18], eax
;;  27  jne +0x10
;;  29  mov eax, dword ptr [rbp - 0x20]
;;  2c  ret
