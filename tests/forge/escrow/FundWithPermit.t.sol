// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {Character} from "../Base.sol";
import {Coin} from "./hostile/Coins.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

// fundWithPermit
// ├── given it is not accepted                             reverts WrongState
// ├── when the permit is good                              funds without an approval before
// ├── when the permit fails and the allowance suffices     funds: somebody else may have submitted it
// ├── when the permit fails and the allowance does not     reverts with the token's own words
// └── when the token knows no permit                       is as `fund`
contract FundWithPermitTest is Deal {
    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    bytes32 private order;

    function setUp() public override {
        super.setUp();
        order = accepted(terms());
        token.mint(roaster.account, PRICE);
    }

    function test_what_is_not_accepted_is_not_funded() public {
        bytes32 proposed = propose(terms());
        (uint8 v, bytes32 r, bytes32 s) = permitOf(roaster, FOREVER);
        vm.expectRevert(wrongState(proposed, IDeliveryEscrow.State.Proposed));
        vm.prank(roaster.account);
        escrow.fundWithPermit(proposed, FOREVER, v, r, s);
    }

    function test_a_permit_takes_the_place_of_an_approval() public {
        (uint8 v, bytes32 r, bytes32 s) = permitOf(roaster, FOREVER);
        vm.prank(roaster.account);
        escrow.fundWithPermit(order, FOREVER, v, r, s);
        assertHeld(order, REST, PRICE);
        vm.assertEq(token.allowance(roaster.account, address(escrow)), 0, "for this amount only");
    }

    function test_a_permit_that_somebody_submitted_before_does_no_harm() public {
        (uint8 v, bytes32 r, bytes32 s) = permitOf(roaster, FOREVER);
        vm.prank(stranger.account);
        token.permit(roaster.account, address(escrow), PRICE, FOREVER, v, r, s);
        vm.prank(roaster.account);
        escrow.fundWithPermit(order, FOREVER, v, r, s);
        assertHeld(order, REST, PRICE);
    }

    function test_without_permit_or_allowance_nothing_is_funded() public {
        (uint8 v, bytes32 r, bytes32 s) = permitOf(stranger, FOREVER);
        bytes memory refusal =
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(escrow), 0, PRICE);
        vm.expectRevert(refusal);
        vm.prank(roaster.account);
        escrow.fundWithPermit(order, FOREVER, v, r, s);

        (v, r, s) = permitOf(roaster, START - 1);
        vm.expectRevert(refusal);
        vm.prank(roaster.account);
        escrow.fundWithPermit(order, START - 1, v, r, s);
    }

    function test_a_strangers_call_takes_nothing_with_the_buyers_permit() public {
        (uint8 v, bytes32 r, bytes32 s) = permitOf(roaster, FOREVER);
        vm.expectRevert(notActingFor(roaster.account, stranger.account));
        vm.prank(stranger.account);
        escrow.fundWithPermit(order, FOREVER, v, r, s);
    }

    function test_a_token_without_permit_is_funded_by_its_allowance() public {
        Coin coin = new Coin();
        IDeliveryEscrow.Terms memory wanted = terms();
        wanted.token = IERC20(address(coin));
        order = accepted(wanted);
        coin.mint(roaster.account, PRICE);
        vm.prank(roaster.account);
        coin.approve(address(escrow), PRICE);
        vm.prank(roaster.account);
        escrow.fundWithPermit(order, FOREVER, 27, bytes32(0), bytes32(0));
        assertHeld(order, REST, PRICE);
    }

    function permitOf(Character memory owner, uint256 deadline) private view returns (uint8, bytes32, bytes32) {
        bytes32 permit =
            keccak256(abi.encode(PERMIT_TYPEHASH, roaster.account, address(escrow), PRICE, uint256(0), deadline));
        return vm.sign(owner.key, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), permit)));
    }
}
