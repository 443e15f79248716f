; The engine's rounding on 64-bit numbers, bit by bit: ⌈v / 2^p⌉ as it is computed, and boxes that are rounded outwards.
(set-logic QF_BV)
(declare-const v (_ BitVec 64)) (declare-const u (_ BitVec 64)) (declare-const p (_ BitVec 64))
(define-fun one () (_ BitVec 64) #x0000000000000001)
(define-fun ceil ((v (_ BitVec 64)) (p (_ BitVec 64))) (_ BitVec 64) (bvneg (bvashr (bvneg v) p)))
(define-fun floor ((v (_ BitVec 64)) (p (_ BitVec 64))) (_ BitVec 64) (bvashr v p))
; Within the bounds of exposures, at the places that are shifted out.
(define-fun bound () (_ BitVec 64) #x4000000000000000)
(define-fun fits ((v (_ BitVec 64))) Bool (and (bvsle (bvneg bound) v) (bvsle v bound)))
(assert (and (fits v) (fits u) (bvule p #x0000000000000027)))

(push) ; It is not below, and by less than 2^p above.
(define-fun back () (_ BitVec 64) (bvshl (ceil v p) p))
(assert (not (and (bvsge back v) (bvslt (bvsub back v) (bvshl one p)))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; It rises with what is rounded: by one, hence by anything.
(define-fun more () (_ BitVec 64) (bvadd v one))
(assert (not (and (bvsle (ceil v p) (ceil more p)) (bvsle (floor v p) (floor more p)))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; One place less shifted out makes a box within, hence any number: why a smaller book never requires more for being
; rounded finer.
(define-fun next () (_ BitVec 64) (bvadd p one))
(assert (not (and
  (bvsle (bvshl (ceil v p) p) (bvshl (ceil v next) next))
  (bvsge (bvshl (floor v p) p) (bvshl (floor v next) next)))))
(set-info :status unsat)
(check-sat)
(pop)

(push) ; A number of 24 digits more than p comes to at most 2^24 either way.
(assert (and (bvsge u #x0000000000000000) (bvult u (bvshl #x0000000001000000 p))))
(assert (not (and (bvule (ceil u p) #x0000000001000000) (bvsge (floor (bvneg u) p) (bvneg #x0000000001000000)))))
(set-info :status unsat)
(check-sat)
(pop)
