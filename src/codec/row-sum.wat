;; Sums up the XXH64 hashes of rows of COPY text: the sum over a table is the same in whatever order its rows come.
;; XXH64 as its specification has it (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), seed 0, over each
;; row's bytes without the newline that ends it. src/codec/row-sum.ts holds the assembled form; a test assembles this again.
;;
;; Memory: the state of one stream of rows, which the caller copies in and out, and then the bytes to take in.
;;     0  i64      the sum
;;     8  i64      how many bytes of an unfinished row were seen
;;    16  4 x i64  its accumulators
;;    48  32 bytes of it that do not fill a stripe yet; how many there are is the length modulo 32
;;   128  the bytes to take in; 16 readable bytes have to follow them
(module
  (memory (export "memory") 17)

  (global $P1 i64 (i64.const 0x9E3779B185EBCA87))
  (global $P2 i64 (i64.const 0xC2B2AE3D27D4EB4F))
  (global $P3 i64 (i64.const 0x165667B19E3779F9))
  (global $P4 i64 (i64.const 0x85EBCA77C2B2AE63))
  (global $P5 i64 (i64.const 0x27D4EB2F165667C5))

  (func $round (param $acc i64) (param $lane i64) (result i64)
    (i64.mul
      (i64.rotl
        (i64.add (local.get $acc) (i64.mul (local.get $lane) (global.get $P2)))
        (i64.const 31))
      (global.get $P1)))

  (func $merge (param $hash i64) (param $acc i64) (result i64)
    (i64.add
      (i64.mul
        (i64.xor (local.get $hash) (call $round (i64.const 0) (local.get $acc)))
        (global.get $P1))
      (global.get $P4)))

  ;; Starts the accumulators of a row.
  (func $start
    (i64.store (i32.const 16) (i64.add (global.get $P1) (global.get $P2)))
    (i64.store (i32.const 24) (global.get $P2))
    (i64.store (i32.const 32) (i64.const 0))
    (i64.store (i32.const 40) (i64.sub (i64.const 0) (global.get $P1))))

  ;; Takes whole stripes of 32 bytes from $at on; returns where the first that is not whole begins.
  (func $stripes (param $at i32) (param $end i32) (result i32)
    (local $a i64) (local $b i64) (local $c i64) (local $d i64) (local $last i32)
    (local.set $a (i64.load (i32.const 16)))
    (local.set $b (i64.load (i32.const 24)))
    (local.set $c (i64.load (i32.const 32)))
    (local.set $d (i64.load (i32.const 40)))
    (local.set $last (i32.sub (local.get $end) (i32.const 32)))
    (block $done
      (loop $next
        (br_if $done (i32.gt_s (local.get $at) (local.get $last)))
        (local.set $a
          (i64.mul
            (i64.rotl
              (i64.add (local.get $a) (i64.mul (i64.load (local.get $at)) (i64.const 0xC2B2AE3D27D4EB4F)))
              (i64.const 31))
            (i64.const 0x9E3779B185EBCA87)))
        (local.set $b
          (i64.mul
            (i64.rotl
              (i64.add (local.get $b) (i64.mul (i64.load offset=8 (local.get $at)) (i64.const 0xC2B2AE3D27D4EB4F)))
              (i64.const 31))
            (i64.const 0x9E3779B185EBCA87)))
        (local.set $c
          (i64.mul
            (i64.rotl
              (i64.add (local.get $c) (i64.mul (i64.load offset=16 (local.get $at)) (i64.const 0xC2B2AE3D27D4EB4F)))
              (i64.const 31))
            (i64.const 0x9E3779B185EBCA87)))
        (local.set $d
          (i64.mul
            (i64.rotl
              (i64.add (local.get $d) (i64.mul (i64.load offset=24 (local.get $at)) (i64.const 0xC2B2AE3D27D4EB4F)))
              (i64.const 31))
            (i64.const 0x9E3779B185EBCA87)))
        (local.set $at (i32.add (local.get $at) (i32.const 32)))
        (br $next)))
    (i64.store (i32.const 16) (local.get $a))
    (i64.store (i32.const 24) (local.get $b))
    (i64.store (i32.const 32) (local.get $c))
    (i64.store (i32.const 40) (local.get $d))
    (local.get $at))

  ;; The hash of a row of $length bytes, whose accumulators have taken all but those from $at to $end.
  (func $finish (param $length i64) (param $at i32) (param $end i32) (result i64)
    (local $hash i64) (local $a i64) (local $b i64) (local $c i64) (local $d i64)
    (if (i64.ge_u (local.get $length) (i64.const 32))
      (then
        (local.set $a (i64.load (i32.const 16)))
        (local.set $b (i64.load (i32.const 24)))
        (local.set $c (i64.load (i32.const 32)))
        (local.set $d (i64.load (i32.const 40)))
        (local.set $hash
          (i64.add
            (i64.add (i64.rotl (local.get $a) (i64.const 1)) (i64.rotl (local.get $b) (i64.const 7)))
            (i64.add (i64.rotl (local.get $c) (i64.const 12)) (i64.rotl (local.get $d) (i64.const 18)))))
        (local.set $hash (call $merge (local.get $hash) (local.get $a)))
        (local.set $hash (call $merge (local.get $hash) (local.get $b)))
        (local.set $hash (call $merge (local.get $hash) (local.get $c)))
        (local.set $hash (call $merge (local.get $hash) (local.get $d))))
      (else (local.set $hash (global.get $P5))))
    (local.set $hash (i64.add (local.get $hash) (local.get $length)))
    ;; What is left of the row: by eight bytes, by four, and one by one.
    (block $done
      (loop $next
        (br_if $done (i32.gt_u (i32.add (local.get $at) (i32.const 8)) (local.get $end)))
        (local.set $hash
          (i64.add
            (i64.mul
              (i64.rotl
                (i64.xor (local.get $hash) (call $round (i64.const 0) (i64.load (local.get $at))))
                (i64.const 27))
              (global.get $P1))
            (global.get $P4)))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $next)))
    (if (i32.le_u (i32.add (local.get $at) (i32.const 4)) (local.get $end))
      (then
        (local.set $hash
          (i64.add
            (i64.mul
              (i64.rotl
                (i64.xor (local.get $hash) (i64.mul (i64.load32_u (local.get $at)) (global.get $P1)))
                (i64.const 23))
              (global.get $P2))
            (global.get $P3)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $hash
          (i64.mul
            (i64.rotl
              (i64.xor (local.get $hash) (i64.mul (i64.load8_u (local.get $at)) (global.get $P5)))
              (i64.const 11))
            (global.get $P1)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (local.set $hash (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 33))))
    (local.set $hash (i64.mul (local.get $hash) (global.get $P2)))
    (local.set $hash (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 29))))
    (local.set $hash (i64.mul (local.get $hash) (global.get $P3)))
    (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 32))))

  ;; Takes a piece of a row that does not lie whole in the bytes to take in.
  (func $piece (param $at i32) (param $end i32)
    (local $length i64) (local $held i32) (local $fill i32)
    (if (i32.eq (local.get $at) (local.get $end)) (then (return)))
    (local.set $length (i64.load (i32.const 8)))
    (if (i64.eqz (local.get $length)) (then (call $start)))
    (local.set $held (i32.and (i32.wrap_i64 (local.get $length)) (i32.const 31)))
    (i64.store (i32.const 8)
      (i64.add (local.get $length) (i64.extend_i32_u (i32.sub (local.get $end) (local.get $at)))))
    (if (local.get $held)
      (then
        (local.set $fill (i32.sub (i32.const 32) (local.get $held)))
        (if (i32.gt_u (local.get $fill) (i32.sub (local.get $end) (local.get $at)))
          (then (local.set $fill (i32.sub (local.get $end) (local.get $at)))))
        (memory.copy (i32.add (i32.const 48) (local.get $held)) (local.get $at) (local.get $fill))
        (local.set $at (i32.add (local.get $at) (local.get $fill)))
        (if (i32.lt_u (i32.add (local.get $held) (local.get $fill)) (i32.const 32)) (then (return)))
        (drop (call $stripes (i32.const 48) (i32.const 80)))))
    (local.set $at (call $stripes (local.get $at) (local.get $end)))
    (memory.copy (i32.const 48) (local.get $at) (i32.sub (local.get $end) (local.get $at))))

  ;; The hash of the row that ends with the piece from $at to $end.
  (func $row (param $at i32) (param $end i32) (result i64)
    (local $length i64)
    (if (i64.eqz (i64.load (i32.const 8)))
      (then
        (local.set $length (i64.extend_i32_u (i32.sub (local.get $end) (local.get $at))))
        (if (i64.ge_u (local.get $length) (i64.const 32))
          (then
            (call $start)
            (local.set $at (call $stripes (local.get $at) (local.get $end)))))
        (return (call $finish (local.get $length) (local.get $at) (local.get $end)))))
    (call $piece (local.get $at) (local.get $end))
    (local.set $length (i64.load (i32.const 8)))
    (i64.store (i32.const 8) (i64.const 0))
    (call $finish
      (local.get $length)
      (i32.const 48)
      (i32.add (i32.const 48) (i32.and (i32.wrap_i64 (local.get $length)) (i32.const 31)))))

  ;; Takes in the bytes from 128 on, $size of them.
  (func (export "take") (param $size i32)
    (local $at i32) (local $begin i32) (local $end i32) (local $found i32) (local $sum i64)
    (local.set $at (i32.const 128))
    (local.set $begin (local.get $at))
    (local.set $end (i32.add (local.get $at) (local.get $size)))
    (local.set $sum (i64.load (i32.const 0)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        ;; A bit for each of sixteen bytes that is a newline.
        (local.set $found
          (i8x16.bitmask (i8x16.eq (v128.load (local.get $at)) (i8x16.splat (i32.const 0x0a)))))
        (if (i32.eqz (local.get $found))
          (then
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (br $next)))
        (local.set $at (i32.add (local.get $at) (i32.ctz (local.get $found))))
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $sum (i64.add (local.get $sum) (call $row (local.get $begin) (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $begin (local.get $at))
        (br $next)))
    (i64.store (i32.const 0) (local.get $sum))
    (call $piece (local.get $begin) (local.get $end))))
