// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

// propose, when a term is out of its bounds
// ├── parties       seller: another present party; at most 8 attestors, present, each once; at most 8 splits
// ├── token         a contract
// ├── fundBy        in the future, at most 365 days
// ├── arbiter       named if and only if it has time; not buyer, seller, attestor or split receiver
// └── milestones    1 to 16; amounts, masks, thresholds, times, caps
contract TermsTest is Deal {
    IDeliveryEscrow.Terms private wanted;

    function setUp() public override {
        super.setUp();
        take(sharedTerms());
    }

    // ---------------------------------------------------------------------------------------------------- parties

    function test_the_seller_is_another_party_and_present() public {
        wanted.seller = roaster.account;
        assertBad("seller", 0);
        wanted.seller = stranger.account;
        assertBad("seller", 0);
        remove(grower);
        later(1);
        wanted.seller = grower.account;
        assertBad("seller", 0);
    }

    function test_a_suspended_seller_may_be_named() public {
        suspend(grower);
        later(1);
        assertGood();
    }

    function test_the_token_is_a_contract() public {
        wanted.token = IERC20(stranger.account);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.NotAContract.selector, stranger.account));
        vm.prank(roaster.account);
        escrow.propose(wanted, 1);
    }

    function test_attestors_are_present_parties_each_once() public {
        wanted.attestors[1] = stranger.account;
        assertBad("attestors", 1);
        wanted.attestors[1] = roaster.account;
        assertBad("attestors", 1);
        wanted.attestors = new address[](9);
        assertBad("attestors", 9);
    }

    function test_the_buyer_and_the_seller_may_attest() public {
        wanted.attestors[1] = grower.account;
        assertGood();
    }

    function test_splits_are_shares_of_present_parties() public {
        wanted.splits[1].party = stranger.account;
        assertBad("splits.party", 1);
        wanted.splits[1].party = carrier.account;
        wanted.splits[1].bps = 0;
        assertBad("splits.bps", 1);
        wanted.splits[1].bps = 10_001 - wanted.splits[0].bps;
        assertBad("splits.bps", 1);
        wanted.splits[1].bps -= 1;
        assertGood();
        while (wanted.splits.length < 9) wanted.splits.push(IDeliveryEscrow.Split(carrier.account, 1));
        assertBad("splits", 9);
    }

    // ------------------------------------------------------------------------------------------------------- times

    function test_fundBy_is_in_the_future_and_at_most_a_year_ahead() public {
        wanted.fundBy = START;
        assertBad("fundBy", 0);
        wanted.fundBy = START + 365 days + 1;
        assertBad("fundBy", 0);
        wanted.fundBy = START + 365 days;
        assertGood();
        wanted.fundBy = START + 1;
        assertGood();
    }

    function test_due_is_in_the_future_and_at_most_five_years_after_fundBy() public {
        wanted.milestones[0].due = START;
        assertBad("milestones.due", 0);
        wanted.milestones[0].due = wanted.fundBy + 5 * 365 days + 1;
        assertBad("milestones.due", 0);
        wanted.milestones[0].due = type(uint64).max;
        assertBad("milestones.due", 0);
        wanted.milestones[0].due = wanted.fundBy + 5 * 365 days;
        assertGood();
        wanted.milestones[0].due = START + 1;
        assertGood();
    }

    function test_durations_are_at_most_a_year() public {
        wanted.milestones[0].grace = 365 days + 1;
        assertBad("milestones.grace", 0);
        wanted.milestones[0].grace = 365 days;
        wanted.milestones[0].window = 365 days + 1;
        assertBad("milestones.window", 0);
        wanted.milestones[0].window = 365 days;
        wanted.milestones[0].arbitration = 365 days + 1;
        assertBad("milestones.arbitration", 0);
        wanted.milestones[0].arbitration = 365 days;
        assertGood();
    }

    // ----------------------------------------------------------------------------------------------------- arbiter

    function test_the_arbiter_is_nobody_who_takes_part() public {
        wanted.arbiter = roaster.account;
        assertBad("arbiter", 0);
        wanted.arbiter = grower.account;
        assertBad("arbiter", 0);
        wanted.arbiter = inspector.account;
        assertBad("arbiter", 0);
        wanted.arbiter = cooperative.account;
        assertBad("arbiter", 0);
        wanted.arbiter = stranger.account;
        assertBad("arbiter", 0);
    }

    function test_an_arbiter_is_named_if_and_only_if_it_has_time() public {
        wanted.arbiter = address(0);
        assertBad("arbiter", 0);
        wanted.milestones[0].arbitration = 0;
        assertGood();
        wanted.arbiter = chamber.account;
        assertBad("arbiter", 0);
    }

    // -------------------------------------------------------------------------------------------------- milestones

    function test_there_are_one_to_sixteen_milestones() public {
        while (wanted.milestones.length < 16) wanted.milestones.push(milestone());
        assertGood();
        wanted.milestones.push(milestone());
        assertBad("milestones", 17);
        delete wanted.milestones;
        assertBad("milestones", 0);
    }

    function test_the_second_milestone_is_looked_at_as_well() public {
        wanted.milestones.push(milestone());
        wanted.milestones[1].amount = 0;
        assertBad("milestones.amount", 1);
    }

    function test_something_is_bought_for_something() public {
        wanted.milestones[0].amount = 0;
        assertBad("milestones.amount", 0);
        wanted.milestones[0].amount = 1;
        wanted.milestones[0].ordered = 0;
        assertBad("milestones.ordered", 0);
        wanted.milestones[0].amount = type(uint128).max;
        wanted.milestones[0].ordered = type(uint128).max;
        assertGood();
    }

    function test_a_mask_names_attestors_of_the_order() public {
        wanted.milestones[0].attestorMask = 8;
        assertBad("milestones.attestorMask", 0);
        wanted.milestones[0].attestorMask = 4;
        assertGood();
    }

    function test_a_threshold_is_more_than_half_and_not_more_than_all() public {
        wanted.milestones[0].threshold = 0;
        assertBad("milestones.threshold", 0);
        wanted.milestones[0].threshold = 2;
        assertBad("milestones.threshold", 0);
        wanted.milestones[0].attestorMask = 0;
        assertBad("milestones.threshold", 0);
        wanted.milestones[0].threshold = 0;
        assertBad("milestones.threshold", 0);
        wanted.milestones[0].attestorMask = 7;
        wanted.milestones[0].threshold = 1;
        assertBad("milestones.threshold", 0);
        wanted.milestones[0].attestorMask = 3;
        assertBad("milestones.threshold", 0);
        wanted.milestones[0].threshold = 2;
        assertGood();
        wanted.milestones[0].attestorMask = 7;
        wanted.milestones[0].threshold = 3;
        assertGood();
        wanted.milestones[0].threshold = 4;
        assertBad("milestones.threshold", 0);
    }

    function test_nothing_takes_more_than_all() public {
        wanted.milestones[0].lateBps = 10_001;
        assertBad("milestones.lateBps", 0);
        wanted.milestones[0].lateBps = 10_000;
        wanted.milestones[0].lateCapBps = 10_001;
        assertBad("milestones.lateCapBps", 0);
        wanted.milestones[0].lateCapBps = 10_000;
        wanted.milestones[0].deductionCapBps = 10_001;
        assertBad("milestones.deductionCapBps", 0);
        wanted.milestones[0].deductionCapBps = 10_000;
        assertGood();
    }

    // ----------------------------------------------------------------------------------------------------- helpers

    function take(IDeliveryEscrow.Terms memory given) private {
        given.attestors = three(roaster.account, inspector.account, carrier.account);
        wanted.buyer = given.buyer;
        wanted.seller = given.seller;
        wanted.token = given.token;
        wanted.document = given.document;
        wanted.arbiter = given.arbiter;
        wanted.fundBy = given.fundBy;
        wanted.attestors = given.attestors;
        for (uint256 i = 0; i < given.splits.length; ++i) {
            wanted.splits.push(given.splits[i]);
        }
        wanted.milestones.push(given.milestones[0]);
    }

    function assertBad(string memory term, uint256 index) private {
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.BadTerms.selector, term, index));
        vm.prank(roaster.account);
        escrow.propose(wanted, 1);
    }

    uint256 private goodOnes;

    function assertGood() private {
        vm.prank(roaster.account);
        bytes32 order = escrow.propose(wanted, ++goodOnes + 1);
        assertState(order, IDeliveryEscrow.State.Proposed);
    }
}
