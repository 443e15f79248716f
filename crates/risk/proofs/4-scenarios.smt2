; Expected shortfall and the worst named day: subadditive, and no less where every loss is no less, over the reals.
;
; The shortfall of 24 scenarios, times six, is the largest sum of six losses, a loss below zero counting as none. So it is
; at most another sum if any six of the losses are: a loss counts as zero below where it is not among the six, whichever
; they are.
(set-logic QF_LRA)
(define-fun max ((a Real) (b Real)) Real (ite (>= a b) a b))
(define-fun counted ((marked Bool) (a Real)) Real (ite marked (max a 0.0) 0.0))

(push) ; One scenario: both books together lose no more than each, and less where the loss is less.
(declare-const marked Bool) (declare-const a Real) (declare-const b Real)
(assert (not (and
  (<= (counted marked (+ a b)) (+ (counted marked a) (counted marked b)))
  (=> (<= a b) (<= (counted marked a) (counted marked b)))
  (= (counted marked (* 2.0 a)) (* 2.0 (counted marked a))))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; All of them: what holds of each counted loss holds of the sums, and so of the shortfalls.
(declare-const a0 Real) (declare-const a1 Real) (declare-const a2 Real) (declare-const a3 Real)
(declare-const a4 Real) (declare-const a5 Real) (declare-const a6 Real) (declare-const a7 Real)
(declare-const a8 Real) (declare-const a9 Real) (declare-const a10 Real) (declare-const a11 Real)
(declare-const a12 Real) (declare-const a13 Real) (declare-const a14 Real) (declare-const a15 Real)
(declare-const a16 Real) (declare-const a17 Real) (declare-const a18 Real) (declare-const a19 Real)
(declare-const a20 Real) (declare-const a21 Real) (declare-const a22 Real) (declare-const a23 Real)
(declare-const b0 Real) (declare-const b1 Real) (declare-const b2 Real) (declare-const b3 Real)
(declare-const b4 Real) (declare-const b5 Real) (declare-const b6 Real) (declare-const b7 Real)
(declare-const b8 Real) (declare-const b9 Real) (declare-const b10 Real) (declare-const b11 Real)
(declare-const b12 Real) (declare-const b13 Real) (declare-const b14 Real) (declare-const b15 Real)
(declare-const b16 Real) (declare-const b17 Real) (declare-const b18 Real) (declare-const b19 Real)
(declare-const b20 Real) (declare-const b21 Real) (declare-const b22 Real) (declare-const b23 Real)
(declare-const t0 Real) (declare-const t1 Real) (declare-const t2 Real) (declare-const t3 Real)
(declare-const t4 Real) (declare-const t5 Real) (declare-const t6 Real) (declare-const t7 Real)
(declare-const t8 Real) (declare-const t9 Real) (declare-const t10 Real) (declare-const t11 Real)
(declare-const t12 Real) (declare-const t13 Real) (declare-const t14 Real) (declare-const t15 Real)
(declare-const t16 Real) (declare-const t17 Real) (declare-const t18 Real) (declare-const t19 Real)
(declare-const t20 Real) (declare-const t21 Real) (declare-const t22 Real) (declare-const t23 Real)
(declare-const shortfall-a Real) (declare-const shortfall-b Real)
(define-fun all-a () Real (+
  a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 a10 a11 a12 a13 a14 a15 a16 a17 a18 a19 a20 a21 a22 a23))
(define-fun all-b () Real (+
  b0 b1 b2 b3 b4 b5 b6 b7 b8 b9 b10 b11 b12 b13 b14 b15 b16 b17 b18 b19 b20 b21 b22 b23))
(define-fun together () Real (+
  t0 t1 t2 t3 t4 t5 t6 t7 t8 t9 t10 t11 t12 t13 t14 t15 t16 t17 t18 t19 t20 t21 t22 t23))
(assert (and (<= all-a shortfall-a) (<= all-b shortfall-b)))
(push)
(assert (and
  (<= t0 (+ a0 b0)) (<= t1 (+ a1 b1)) (<= t2 (+ a2 b2)) (<= t3 (+ a3 b3)) (<= t4 (+ a4 b4)) (<= t5 (+ a5 b5))
  (<= t6 (+ a6 b6)) (<= t7 (+ a7 b7)) (<= t8 (+ a8 b8)) (<= t9 (+ a9 b9)) (<= t10 (+ a10 b10)) (<= t11 (+ a11 b11))
  (<= t12 (+ a12 b12)) (<= t13 (+ a13 b13)) (<= t14 (+ a14 b14)) (<= t15 (+ a15 b15)) (<= t16 (+ a16 b16))
  (<= t17 (+ a17 b17)) (<= t18 (+ a18 b18)) (<= t19 (+ a19 b19)) (<= t20 (+ a20 b20)) (<= t21 (+ a21 b21))
  (<= t22 (+ a22 b22)) (<= t23 (+ a23 b23))))
(assert (> together (+ shortfall-a shortfall-b)))
(set-info :status unsat)
(check-sat)
(pop)
(assert (and
  (<= a0 b0) (<= a1 b1) (<= a2 b2) (<= a3 b3) (<= a4 b4) (<= a5 b5) (<= a6 b6) (<= a7 b7) (<= a8 b8) (<= a9 b9)
  (<= a10 b10) (<= a11 b11) (<= a12 b12) (<= a13 b13) (<= a14 b14) (<= a15 b15) (<= a16 b16) (<= a17 b17)
  (<= a18 b18) (<= a19 b19) (<= a20 b20) (<= a21 b21) (<= a22 b22) (<= a23 b23)))
(assert (> all-a shortfall-b))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; A factor's gain at the lower of two volatilities: then a rise of the higher one never lowers a scenario's loss. The
; factor's exposure is 1 and it moves by 1 either way; 3-box.smt2 has any.
(declare-const s Real) (declare-const less Real) (declare-const more Real) (declare-const other Real)
(assert (and (<= 0.0 less) (<= less s) (<= s more)))
(define-fun fall ((s Real)) Real (+ other (max s less)))
(define-fun rise ((s Real)) Real (+ other (max (- s) (- less))))
(assert (not (and (<= (fall s) (fall more)) (<= (rise s) (rise more)))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; At the same volatility it could: a loss of one factor against the gain of another.
(declare-const s Real) (declare-const more Real)
(assert (and (< 0.0 s) (< s more)))
(assert (> (max (- 3.0 s) 0.0) (max (- 3.0 more) 0.0)))
(set-info :status sat)
(check-sat)
(pop)

(push) ; The worst of eight days, for losses of both books together.
(declare-const a0 Real) (declare-const a1 Real) (declare-const a2 Real) (declare-const a3 Real)
(declare-const a4 Real) (declare-const a5 Real) (declare-const a6 Real) (declare-const a7 Real)
(declare-const b0 Real) (declare-const b1 Real) (declare-const b2 Real) (declare-const b3 Real)
(declare-const b4 Real) (declare-const b5 Real) (declare-const b6 Real) (declare-const b7 Real)
(define-fun worst ((a Real) (b Real) (c Real) (d Real) (e Real) (f Real) (g Real) (h Real)) Real
  (max 0.0 (max (max (max a b) (max c d)) (max (max e f) (max g h)))))
(assert (>
  (worst (+ a0 b0) (+ a1 b1) (+ a2 b2) (+ a3 b3) (+ a4 b4) (+ a5 b5) (+ a6 b6) (+ a7 b7))
  (+ (worst a0 a1 a2 a3 a4 a5 a6 a7) (worst b0 b1 b2 b3 b4 b5 b6 b7))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; The largest of three subadditive measures is subadditive.
(declare-const a0 Real) (declare-const a1 Real) (declare-const a2 Real)
(declare-const b0 Real) (declare-const b1 Real) (declare-const b2 Real)
(declare-const c0 Real) (declare-const c1 Real) (declare-const c2 Real)
(assert (and (<= a0 (+ a1 a2)) (<= b0 (+ b1 b2)) (<= c0 (+ c1 c2))))
(assert (> (max a0 (max b0 c0)) (+ (max a1 (max b1 c1)) (max a2 (max b2 c2)))))
(set-info :status unsat)
(check-sat)
(pop)
