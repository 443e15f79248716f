; Init ≤ LiquidationEnd ≤ Maint, what stale entries do, and what a fill does to the value: whole native units where
; rounding matters, reals where it does not.
(set-logic ALL)
(define-fun max ((a Real) (b Real)) Real (ite (>= a b) a b))

(push) ; Maint's value and requirement against the end's. A higher value is at least as much more quote that counts, the
; peg's add-on is a part of the quote, rounded up, and Maint requires a part of what the end requires, rounded up.
(declare-const value-end Int) (declare-const value-maint Int) (declare-const quote-end Int) (declare-const quote-maint Int)
(declare-const rest Int) (declare-const peg-end Int) (declare-const peg-maint Int) (declare-const maint Int)
(assert (and (<= 0 rest) (<= 0 quote-end quote-maint) (<= (- quote-maint quote-end) (- value-maint value-end))))
; The peg's add-on, rounded up: at the end no less than its exact value, at Maint less than one above its own, which is
; more by at most the quote that Maint counts beyond the end's.
(declare-const more Real) (declare-const exact Real)
(assert (and (<= 0.0 more) (<= more (to_real (- quote-maint quote-end))) (<= 0.0 exact)))
(assert (and (>= (to_real peg-end) exact) (< (to_real peg-maint) (+ exact more 1.0))))
; Maint is below one more than m times its whole, hence at most the whole, which is whole.
(assert (<= maint (+ rest peg-maint)))
(assert (> (- value-end (+ rest peg-end)) (- value-maint maint)))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; The bound on rounding that was used: ⌈m · x⌉ ≤ x for a whole x ≥ 0 and m ≤ 1.
(declare-const x Int) (declare-const rounded Int) (declare-const m Real) (declare-const product Real)
(assert (and (<= 0 x) (<= 0.0 m) (<= m 1.0)))
(assert (= product (* m (to_real x))))
(assert (< (to_real rounded) (+ product 1.0)))
(assert (> rounded x))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; Init against the end: its value is lower by at least what the quote that counts is, its base no less, and it has
; the add-on for uncertainty.
(declare-const value-init Int) (declare-const value-end Int) (declare-const base-init Int) (declare-const base-end Int)
(declare-const peg-init Int) (declare-const peg-end Int) (declare-const uncertain Int)
(assert (and (<= base-end base-init) (<= 0 uncertain)))
(assert (<= (- peg-end peg-init) (- value-end value-init)))
(assert (> (- value-init (+ base-init peg-init uncertain)) (- value-end (+ base-end peg-end))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; Stale under Strict: no more value, and the larger of the requirements with and without.
(declare-const value Real) (declare-const less Real) (declare-const with Real) (declare-const without Real)
(assert (<= less value))
(assert (> (- less (max with without)) (- value with)))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; In doubt: no less value, and the smaller requirement. That the deltas are those at the last price matters:
(declare-const value Real) (declare-const better Real) (declare-const with Real) (declare-const without Real)
(assert (>= better value))
(push)
(assert (< (- better (ite (<= with without) with without)) (- value with)))
(set-info :status unsat)
(check-sat)
(pop)
; with the better price's delta and a slope of the requirement above one, doubt could cost the account.
(declare-const slope Real)
(assert (and (> slope 1.0) (< slope 1.5) (= value 10.0) (= better 12.0) (= with 3.0) (= without 20.0)))
(assert (< (- better (+ with (* slope 2.0))) (- value with)))
(set-info :status sat)
(check-sat)
(pop)

(push) ; A fill of part of a bid or an ask at its limit never lowers the value at spot: what it may lose was set aside.
(declare-const spot Real) (declare-const limit Real) (declare-const position Real) (declare-const quote Real)
(declare-const rests Real) (declare-const filled Real)
(assert (and (<= 0.0 filled) (<= filled rests)))
(define-fun bid ((n Real) (q Real) (lots Real)) Real (+ (* n spot) q (- (* lots (max (- limit spot) 0.0)))))
(define-fun ask ((n Real) (q Real) (lots Real)) Real (+ (* n spot) q (- (* lots (max (- spot limit) 0.0)))))
(push)
(assert (< (bid (+ position filled) (- quote (* filled limit)) (- rests filled)) (bid position quote rests)))
(set-info :status unsat)
(check-sat)
(pop)
(assert (< (ask (- position filled) (+ quote (* filled limit)) (- rests filled)) (ask position quote rests)))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; And leaves an interval of lots within the one before.
(declare-const position Int) (declare-const bids Int) (declare-const asks Int) (declare-const filled Int)
(assert (and (<= 0 filled bids) (<= 0 asks)))
(assert (not (and
  (<= (- position asks) (- (+ position filled) asks))
  (<= (+ position filled (- bids filled)) (+ position bids)))))
(set-info :status unsat)
(check-sat)
(pop)
