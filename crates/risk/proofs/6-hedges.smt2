; What a hedge and a deposit do to the requirement, over the reals.
(set-logic QF_NRA)
(define-fun square ((a Real)) Real (* a a))

; A long w of an underlying with loading β on a factor of volatility s, and a short x of the factor's driver.
(declare-const w Real) (declare-const x Real) (declare-const b Real) (declare-const s Real) (declare-const own Real)
(declare-const before Real) (declare-const after Real)
(assert (and (>= w 0) (>= x 0) (>= b 0) (>= s 0) (>= own 0) (>= before 0) (>= after 0)))

(push) ; Up to twice the hedge, the exposure to the factor is no larger either way,
(assert (<= x (* 2 (* b w))))
(assert (> (square (- (* b w) x)) (square (* b w))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; hence the deviation is no larger,
(declare-const fx Real) (declare-const fw Real) (declare-const rest Real)
(assert (and (<= 0 fx) (<= fx fw) (<= 0 rest)))
(assert (= (square before) (+ fw rest)))
(assert (= (square after) (+ fx rest)))
(assert (> after before))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; and hedged in full it is what is the underlying's own.
(assert (= x (* b w)))
(assert (= (square after) (+ (square (* s (- (* b w) x))) (square (* w own)))))
(assert (not (= after (* w own))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; The linear requirement rises by no more than the breakdown charge on the hedge.
(declare-const d Real) (declare-const iso Real)
(assert (and (<= 0 d) (<= d 1) (<= after before) (<= 0 iso)))
(assert (> (+ (* (- 1 d) after) (* d (+ iso (* s x)))) (+ (* (- 1 d) before) (* d iso) (* d (* s x)))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; The slope of the liquidity add-on: from a size of p² depths to one of q² it grows by at most 3/2 q − 1 each.
(declare-const p Real) (declare-const q Real)
(assert (and (<= 1 p) (<= p q)))
(define-fun charge ((root Real)) Real (* (square root) (- root 1)))
(assert (> (- (charge q) (charge p)) (* (- (* 1.5 q) 1) (- (square q) (square p)))))
(set-info :status unsat)
(check-sat)
(pop)

; A deposit of value v: what it counts for is c of it, what it requires alone r of it, what it adds beyond that a of it.
(declare-const v Real) (declare-const c Real) (declare-const r Real) (declare-const a Real)
(declare-const value Real) (declare-const base Real) (declare-const with Real) (declare-const add Real) (declare-const adds Real)
(assert (and (<= 0 v) (<= with (+ base (* r v))) (<= adds (+ add (* a v)))))
(push) ; It never lowers health where r + a ≤ c, the base being subadditive;
(assert (<= (+ r a) c))
(assert (<= 0 (* v (- c (+ r a)))))
(assert (< (- (+ value (* c v)) (+ with adds)) (- value (+ base add))))
(set-info :status unsat)
(check-sat)
(pop)
; and the bound is met: otherwise there is a book whose health it lowers.
(assert (and (= c 1) (= r 1.2) (= a 0) (= v 1)))
(assert (< (- (+ value (* c v)) (+ with adds)) (- value (+ base add))))
(set-info :status sat)
(check-sat)
