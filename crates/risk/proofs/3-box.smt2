; What resting orders may do is a box of deltas: no point of it, and no box within it, requires more than it, over the
; reals. Two underlyings and one factor; further ones add terms of the same kind.
(set-logic QF_NRA)
(define-fun max ((a Real) (b Real)) Real (ite (>= a b) a b))
(define-fun min ((a Real) (b Real)) Real (ite (<= a b) a b))
(define-fun size ((low Real) (high Real)) Real (max (max low (- low)) (max high (- high))))
; Outer and inner box.
(declare-const l1 Real) (declare-const h1 Real) (declare-const l2 Real) (declare-const h2 Real)
(declare-const m1 Real) (declare-const i1 Real) (declare-const m2 Real) (declare-const i2 Real)
(assert (and (<= l1 m1) (<= m1 i1) (<= i1 h1) (<= l2 m2) (<= m2 i2) (<= i2 h2)))

(push) ; |w| of the inner box is no larger.
(assert (> (size m1 i1) (size l1 h1)))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; A term β · w of the exposure to a factor stays within that of the outer box, whatever the sign of β.
(declare-const b Real)
(assert (not (and
  (<= (min (* b l1) (* b h1)) (min (* b m1) (* b i1)))
  (<= (max (* b m1) (* b i1)) (max (* b l1) (* b h1))))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; So does any point.
(declare-const b Real) (declare-const w Real)
(assert (and (<= l1 w) (<= w h1)))
(assert (not (and (<= (min (* b l1) (* b h1)) (* b w)) (<= (* b w) (max (* b l1) (* b h1))))))
(set-info :status unsat)
(check-sat)
(pop)

; Terms that stay within add up to sums that do: 3 and 4 for the two underlyings.
(declare-const a3 Real) (declare-const a4 Real) (declare-const c3 Real) (declare-const c4 Real)
(declare-const x3 Real) (declare-const x4 Real) (declare-const z3 Real) (declare-const z4 Real)
(define-fun within () Bool (and (<= a3 x3) (<= x3 z3) (<= z3 c3) (<= a4 x4) (<= x4 z4) (<= z4 c4)))

(push) ; |X| of the sum
(assert within)
(assert (> (size (+ x3 x4) (+ z3 z4)) (size (+ a3 a4) (+ c3 c4))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; The loss of a factor's move, either way, a gain at a volatility that is not above that of a loss.
(declare-const s Real) (declare-const less Real) (declare-const shock Real)
(assert (and (<= 0 less) (<= less s)))
(define-fun loss ((low Real) (high Real)) Real (max
  (max (- (* low s shock)) (- (* high s shock))) (max (- (* low less shock)) (- (* high less shock)))))
(declare-const low Real) (declare-const high Real) (declare-const inlow Real) (declare-const inhigh Real)
(assert (and (<= low inlow) (<= inlow inhigh) (<= inhigh high)))
(push) ; positive and negative shocks apart: the solver is told that a product of a difference and a shock has its sign
(assert (>= shock 0))
(assert (and (>= (* s shock) 0) (>= (* less shock) 0)))
(assert (> (loss inlow inhigh) (loss low high)))
(set-info :status unsat)
(check-sat)
(pop)
(push)
(assert (< shock 0))
(assert (> (loss inlow inhigh) (loss low high)))
(set-info :status unsat)
(check-sat)
(pop)
(pop)

(push) ; The loss on a named day, which rose or fell.
(declare-const day Real)
(define-fun lost ((low Real) (high Real)) Real (- (* (ite (>= day 0) low high) day)))
(assert (> (lost m1 i1) (lost l1 h1)))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; Longs and shorts apart, for the basis: the lesser of the two.
(declare-const o Real) ; another holding's, which stays
(assert (> (min (+ (max i1 0) (max o 0)) (- (+ (min m1 0) (min o 0)))) (min (+ (max h1 0) (max o 0)) (- (+ (min l1 0) (min o 0))))))
(set-info :status unsat)
(check-sat)
(pop)
