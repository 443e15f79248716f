; The linear requirement between its ends, of degree one, subadditive and monotone, over the reals.
;
; What 1-norm.smt2 proves of lengths is assumed of them here: PM ≤ ISO by the triangle inequality over the underlyings,
; and that PM is subadditive.
(set-logic QF_NRA)
(define-fun max ((a Real) (b Real)) Real (ite (>= a b) a b))
(define-fun size ((a Real)) Real (max a (- a)))
(define-fun square ((a Real)) Real (* a a))
(define-fun mix ((d Real) (pm Real) (iso Real)) Real (+ (* (- 1 d) pm) (* d iso)))
(declare-const d Real) (declare-const k Real) (declare-const floor Real)
(assert (and (<= 0 d) (<= d 1) (<= 0 k) (<= 0 floor)))

(push) ; d · ISO ≤ mix ≤ ISO, and PM ≤ mix.
(declare-const pm Real) (declare-const iso Real)
(assert (and (<= 0 pm) (<= pm iso)))
(assert (not (and (<= (* d iso) (mix d pm iso)) (<= (mix d pm iso) iso) (<= pm (mix d pm iso)))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; A higher d never requires less, nor a higher k.
(declare-const pm Real) (declare-const iso Real) (declare-const more Real) (declare-const k1 Real)
(assert (and (<= 0 pm) (<= pm iso) (<= d more) (<= more 1) (<= k k1)))
(assert (not (and (<= (mix d pm iso) (mix more pm iso)) (<= (* k (mix d pm iso)) (* k1 (mix d pm iso))))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; Degree one: a length of t times the vector is t times the length; |t w| = t |w|.
(declare-const t Real) (declare-const length Real) (declare-const longer Real) (declare-const w Real)
(assert (and (>= t 0) (>= length 0) (>= longer 0)))
(assert (= (square longer) (* (square t) (square length))))
(assert (not (and (= longer (* t length)) (= (size (* t w)) (* t (size w))))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; Subadditive: from that of PM, and |v + w| ≤ |v| + |w| for each underlying, with the floor.
(declare-const pmv Real) (declare-const pmw Real) (declare-const pm Real)
(declare-const v1 Real) (declare-const v2 Real) (declare-const w1 Real) (declare-const w2 Real)
(assert (and (<= 0 pmv) (<= 0 pmw) (<= 0 pm) (<= pm (+ pmv pmw))))
(declare-const s1 Real) (declare-const s2 Real)
(assert (and (<= 0 s1) (<= 0 s2)))
(push) ; ISO
(assert (> (+ (* s1 (size (+ v1 w1))) (* s2 (size (+ v2 w2))))
  (+ (* s1 (size v1)) (* s2 (size v2)) (* s1 (size w1)) (* s2 (size w2)))))
(set-info :status unsat)
(check-sat)
(pop)
(declare-const isov Real) (declare-const isow Real) (declare-const iso Real)
(declare-const grossv Real) (declare-const grossw Real) (declare-const gross Real)
(assert (and (<= iso (+ isov isow)) (<= gross (+ grossv grossw))))
(assert (> (max (mix d pm iso) (* floor gross))
  (+ (max (mix d pmv isov) (* floor grossv)) (max (mix d pmw isow) (* floor grossw)))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; Higher volatilities never make the deviation less: two factors, two underlyings.
(declare-const f1 Real) (declare-const f2 Real) (declare-const g1 Real) (declare-const g2 Real)
(declare-const x1 Real) (declare-const x2 Real) (declare-const w1 Real) (declare-const w2 Real)
(declare-const e1 Real) (declare-const e2 Real) (declare-const h1 Real) (declare-const h2 Real)
(declare-const low Real) (declare-const high Real)
(assert (and (<= 0 f1 g1) (<= 0 f2 g2) (<= 0 e1 h1) (<= 0 e2 h2)))
(push) ; one component
(assert (> (square (* f1 x1)) (square (* g1 x1))))
(set-info :status unsat)
(check-sat)
(pop)
; Then their sum, and the root of it.
(assert (and (<= 0 low) (<= 0 high)))
(declare-const a1 Real) (declare-const a2 Real) (declare-const a3 Real) (declare-const a4 Real)
(declare-const b1 Real) (declare-const b2 Real) (declare-const b3 Real) (declare-const b4 Real)
(assert (and (<= a1 b1) (<= a2 b2) (<= a3 b3) (<= a4 b4)))
(assert (= (square low) (+ a1 a2 a3 a4)))
(assert (= (square high) (+ b1 b2 b3 b4)))
(assert (> low high))
(set-info :status unsat)
(check-sat)
(pop)
