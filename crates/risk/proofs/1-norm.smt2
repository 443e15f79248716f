; The factor model's standard deviation is a norm: what the triangle inequality rests on, over the reals.
;
; PM / k is the length of the vector (σ_1 X_1, σ_2 X_2, w_1 ε_1, w_2 ε_2, w_3 ε_3), which is linear in the deltas w. Five
; components: two factors, three underlyings. Each step is one that a solver decides at once; together they say
; |x + y| ≤ |x| + |y|.
(set-logic QF_NRA)
(define-fun square ((a Real)) Real (* a a))
(declare-const x1 Real) (declare-const x2 Real) (declare-const x3 Real) (declare-const x4 Real) (declare-const x5 Real)
(declare-const y1 Real) (declare-const y2 Real) (declare-const y3 Real) (declare-const y4 Real) (declare-const y5 Real)
(define-fun xx () Real (+ (square x1) (square x2) (square x3) (square x4) (square x5)))
(define-fun yy () Real (+ (square y1) (square y2) (square y3) (square y4) (square y5)))
(define-fun xy () Real (+ (* x1 y1) (* x2 y2) (* x3 y3) (* x4 y4) (* x5 y5)))

(push) ; Lagrange's identity: |x|²|y|² − (x·y)² is a sum of squares, so (x·y)² ≤ |x|²|y|².
(assert (not (= (- (* xx yy) (square xy)) (+
  (square (- (* x1 y2) (* x2 y1))) (square (- (* x1 y3) (* x3 y1))) (square (- (* x1 y4) (* x4 y1)))
  (square (- (* x1 y5) (* x5 y1))) (square (- (* x2 y3) (* x3 y2))) (square (- (* x2 y4) (* x4 y2)))
  (square (- (* x2 y5) (* x5 y2))) (square (- (* x3 y4) (* x4 y3))) (square (- (* x3 y5) (* x5 y3)))
  (square (- (* x4 y5) (* x5 y4)))))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; |x + y|² = |x|² + 2 x·y + |y|².
(assert (not (= (+ xx (* 2 xy) yy)
  (+ (square (+ x1 y1)) (square (+ x2 y2)) (square (+ x3 y3)) (square (+ x4 y4)) (square (+ x5 y5))))))
(set-info :status unsat)
(check-sat)
(pop)

; From here on: p = |x|, q = |y|, r = |x + y|, c = x·y.
(declare-const p Real) (declare-const q Real) (declare-const r Real) (declare-const c Real)
(assert (>= p 0)) (assert (>= q 0)) (assert (>= r 0))

(push) ; c² ≤ p²q² gives c ≤ pq.
(assert (<= (square c) (* (square p) (square q))))
(assert (> c (* p q)))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; r² = p² + 2c + q² and c ≤ pq give r ≤ p + q.
(assert (= (square r) (+ (square p) (* 2 c) (square q))))
(assert (<= c (* p q)))
(push) ; these can hold together
(assert (and (> p 0) (> q 0) (> r 0)))
(set-info :status sat)
(check-sat)
(pop)
(assert (> r (+ p q)))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; One underlying by itself: its vector's length is |w| times its volatility in all, so PM is ISO.
(declare-const w Real) (declare-const b1 Real) (declare-const b2 Real) (declare-const s1 Real) (declare-const s2 Real)
(declare-const own Real)
(define-fun size () Real (ite (>= w 0) w (- w)))
(assert (not (and
  (= (square size) (square w))
  (= (* (square w) (+ (square (* b1 s1)) (square (* b2 s2)) (square own)))
    (+ (square (* s1 w b1)) (square (* s2 w b2)) (square (* w own)))))))
(set-info :status unsat)
(check-sat)
(pop)
